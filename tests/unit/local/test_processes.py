"""The end of a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from kadr_local import processes


@pytest.mark.parametrize("block", [7, 16_384])
def test_the_last_lines_are_whole_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(processes, "_BLOCK", block)
    log = tmp_path / "ocr.log"
    lines = [f"{number} {'борщ' * 300}" for number in range(5)]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert processes.last_lines(log, 3) == lines[-3:]
    assert processes.last_lines(log, 9) == lines
    log.write_text("\n".join(lines), encoding="utf-8")  # the last one is being written
    assert processes.last_lines(log, 1) == lines[-1:]
    log.write_text("")
    assert processes.last_lines(log, 3) == []
    assert processes.last_lines(tmp_path / "none", 3) == []
