"""What is not ours cannot drive the terminal: keys, reasons, evidence, the API's messages."""

from __future__ import annotations

import httpx
import pytest

from kadr.cli.api import VideoStatus
from kadr.cli.console import printable
from kadr.cli.progress import LiveDisplay
from kadr.cli.sending import Outcome, Receipt, Upload
from tests.unit.cli.stand import answer, evidence, result, stage, video

# clears the screen, sets the window's title, opens a row of its own, turns the rest around; and markup
HOSTILE = "a\x1b[2J\x1b]0;pwned\x1b\\\n\x9b31m\u2028\u202egpj[/][red]x.mp4"
SHOWN = r"a\x1b[2J\x1b]0;pwned\x1b\\x0a\x9b31m\u2028\u202egpj[/][red]x.mp4"


def harmless(text: str) -> str:
    """Check that nothing in the text moves a cursor, and return it."""
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    return text


def test_controls_are_named_and_everything_else_is_left_alone():
    assert printable(HOSTILE) == SHOWN
    assert printable("\u200f\u2066\x7f\ud800\t") == r"\u200f\u2066\x7f\ud800\x09"
    kept = "щи «ё́» 汤 🧑‍🚀 [b] C:\\x"
    assert printable(kept) == kept


class TestCommands:
    @pytest.fixture(autouse=True)
    def library(self, stand, monkeypatch):
        monkeypatch.setenv("COLUMNS", "400")
        stages = [stage("ingest", "failed", f"why {HOSTILE}", model_version=HOSTILE, details={"x": HOSTILE})]
        stand.api.add(video(HOSTILE, state="failed", stages=stages))
        stand.api.status["stages"] = {"ingest": {"failed": 1}}
        stand.s3.put(HOSTILE, b"x")
        stand.s3.on_delete = lambda key: stand.api.videos.clear()

    @pytest.mark.parametrize(
        "arguments",
        [["videos"], ["video", HOSTILE], ["status", "--failed"], ["delete", "--dry-run", HOSTILE],
         ["delete", "--yes", HOSTILE]],
        ids=["videos", "video", "status", "dry run", "delete"],
    )  # fmt: skip
    def test_a_key_stays_on_its_row(self, stand, arguments):
        printed = stand.invoke(*arguments)
        assert printed.exit_code == 0
        assert SHOWN in harmless(printed.output)

    def test_the_question_before_deleting(self, stand):
        assert SHOWN in harmless(stand.invoke("delete", HOSTILE, input="n\n").stderr)

    def test_search(self, stand):
        stand.api.answers["x"] = answer(
            "x",
            result(1, HOSTILE, evidence(f"read \x1b[2J{HOSTILE}", 0, 1, modality="ocr\x1b[2J")),
            query={"original": "x", "corrected": HOSTILE, "translated": f"t{HOSTILE}", "language": "\x1bc"},
        )
        assert SHOWN in harmless(stand.invoke("search", "x").output)

    def test_errors(self, stand):
        assert f"There is no video n{SHOWN}" in harmless(stand.invoke("video", f"n{HOSTILE}").stderr)
        stand.api.failure = httpx.Response(400, json={"error": {"code": "bad", "message": HOSTILE}})
        assert harmless(stand.invoke("search", "x").stderr) == f"Error: {SHOWN}\n"

    def test_json_is_exact(self, stand):
        assert stand.json("videos", "--json")["videos"][0]["key"] == HOSTILE
        assert stand.json("delete", HOSTILE, "--dry-run", "--json") == {"would_delete": [HOSTILE]}

    def test_upload(self, stand, tmp_path):
        name = "a\x1b[2J\n\u202egpj.mp4"
        (tmp_path / name).write_bytes(b"x")
        stand.s3.on_upload = lambda key: stand.api.add(
            video(key, state="failed", stages=[
                stage(each, "failed", f"why {HOSTILE}")
                for each in ("ingest", "visual", "ocr", "speech", "faces")
            ])
        )  # fmt: skip
        printed = stand.invoke("upload", str(tmp_path))
        assert r"a\x1b[2J\x0a\u202egpj.mp4" in harmless(printed.stderr)
        assert r"a\x1b[2J\x0a\u202egpj.mp4" in harmless(printed.stdout)


def test_the_bars_of_an_upload(tmp_path):
    """On a terminal, where only Rich's own codes may appear: the key's are shown instead."""
    import io

    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system=None, width=300)
    item = Upload(tmp_path / "x", "\x1b[2J\u202e\n.mp4", 1)
    with LiveDisplay([item], console, follow=True) as shown:
        shown.sending(item, 1)
        shown.delivered(Receipt(item, Outcome.FAILED, error="\x1b[2J[/]"))
        stages = [stage("ingest", "running"), stage("ocr", "retrying", "\x1b[2J[/]")]
        shown.moved(VideoStatus.model_validate(video(item.key, state="indexing", stages=stages)))
    text = stream.getvalue()
    assert "\x1b[2J" not in text and "\u202e" not in text
    assert r"\x1b[2J\u202e\x0a.mp4" in text and r"not sent: \x1b[2J[/]" in text
