from __future__ import annotations

import pytest

from kadr.cli import videos as videos_module
from tests.unit.cli.stand import stage, video


def test_list_in_tables_and_json(stand):
    stand.api.add(
        video(
            "a.mp4", stages=[stage("ingest"), stage("speech", "empty", "no sound"), stage("faces", "running")]
        ),
        video("b.mp4", state="failed", stages=[stage("ingest", "failed", "not a video")]),
    )
    table = stand.invoke("videos").stdout
    assert "✓ ingest  · speech  ▸ faces" in table
    assert "· no sound  1 speech" in table
    assert "✗ not a video  1 ingest" in table
    printed = stand.json("videos", "--state", "failed", "--json")
    assert [item["key"] for item in printed["videos"]] == ["b.mp4"]
    assert printed["videos"][0]["stages"][0]["reason"] == "not a video"


LACKING = [
    stage("ingest"),
    stage("visual", "unavailable", "weights not installed: visual (CLIP); to have it, convert a copy"),
    stage("ocr"),
    stage("speech", "unavailable", "weights not installed: speech (Whisper); to have it, take a copy"),
    stage("faces", "empty", "no faces"),
    stage("assemble"),
]


@pytest.mark.parametrize("columns", [44, 60, 80, 100, 160])
def test_a_video_is_one_line_and_a_reason_is_told_once(stand, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    long = "holiday/" + "очень длинное имя " * 6 + "конец.mp4"
    keys = ["a.mp4", "сырники на завтрак.mp4", long]
    stand.api.add(*(video(key, stages=LACKING) for key in keys))
    lines = stand.invoke("videos").stdout.splitlines()
    rows = [line for line in lines if "searchable" in line]
    assert len(rows) == 3
    assert all(len(line.rstrip()) <= columns for line in rows)
    assert all("".join(sign for sign in row if sign in "✓-·") == "✓-✓-·✓" for row in rows)
    assert rows[2].startswith(" holi") and "…" in rows[2] and "ец.mp4 " in rows[2]
    whole = " ".join(" ".join(lines).split())
    assert whole.count("weights not installed 3 visual, 3 speech") == 1
    assert whole.count("no faces 3 faces") == 1
    assert "--json has them whole" in whole


def test_names_that_fit_are_whole_and_stages_are_named_where_there_is_room(stand, monkeypatch):
    stand.api.add(video("сырники на завтрак.mp4", stages=LACKING), video("b.mp4", stages=LACKING[:1]))
    monkeypatch.setenv("COLUMNS", "120")
    assert "✓ ingest  - visual  ✓ ocr  - speech  · faces  ✓ assemble" in stand.invoke("videos").stdout
    monkeypatch.setenv("COLUMNS", "80")
    narrow = stand.invoke("videos").stdout
    assert "сырники на завтрак.mp4 " in narrow and "✓ - ✓ - · ✓" in narrow
    assert "stages: ingest visual ocr speech faces assemble" in narrow


def test_long_lists_come_in_pages(stand):
    stand.api.add(*(video(f"{number:03}.mp4") for number in range(250)))
    printed = stand.json("videos", "--limit", "230", "--offset", "10", "--json")
    assert [item["key"] for item in printed["videos"]] == [f"{number:03}.mp4" for number in range(10, 240)]
    assert printed["more"] is True
    assert stand.json("videos", "--limit", "250", "--json")["more"] is False
    assert "--offset 50" in stand.invoke("videos").stderr


def test_one_video_by_key_and_by_id(stand):
    stand.api.add(
        video("щи.mp4", stages=[stage("ingest"), stage("ocr", "dead", "gave up", details={"frames": 4})])
    )
    by_key = stand.json("video", "щи.mp4", "--json")
    assert by_key == stand.json("video", str(stand.id("щи.mp4")), "--json")
    assert by_key["video_id"] == str(stand.id("щи.mp4"))
    shown = stand.invoke("video", "щи.mp4").stdout
    assert "† dead" in shown and "gave up  frames 4" in shown and "1.2 s" in shown and "$0.000020" in shown


def test_how_to_install_weights_is_told_once_below_the_table(stand):
    recipe = "weights not installed: visual (CLIP); to have it: kadr models pull visual"
    stand.api.add(
        video(
            "a.mp4",
            stages=[
                stage("visual", "unavailable", recipe),
                stage("speech", "unavailable", recipe),
                stage("ocr", "failed", "not a video: no container"),
            ],
        )
    )
    shown = stand.invoke("video", "a.mp4").stdout
    assert shown.count("weights not installed") == 3 and shown.count("kadr models pull") == 1
    assert f"visual, speech: {recipe}" in shown
    assert shown.count("not a video: no container") == 1


def test_beyond_the_last_video_there_is_no_more(stand):
    stand.api.add(video("a.mp4"))
    printed = stand.invoke("videos", "--offset", "5")
    assert (printed.exit_code, printed.stdout) == (0, "")
    assert "No more results" in printed.stderr and "upload" not in printed.stderr


def test_a_video_that_is_not_there(stand):
    printed = stand.invoke("video", "nope.mp4")
    assert printed.exit_code == 1
    assert "There is no video nope.mp4" in printed.stderr


class TestDelete:
    def fill(self, stand, *keys):
        for key in keys:
            stand.s3.put(key, b"x")
            stand.api.add(video(key))
        stand.s3.on_delete = lambda key: stand.api.videos.pop(str(stand.id(key)))

    def test_asks_first(self, stand):
        self.fill(stand, "a.mp4")
        refused = stand.invoke("delete", "a.mp4", input="n\n")
        assert (refused.exit_code, list(stand.s3.objects)) == (1, ["a.mp4"])
        assert stand.invoke("delete", "a.mp4", input="y\n").exit_code == 0
        assert stand.s3.objects == {}

    def test_without_anybody_to_ask_it_says_how_to_go_on(self, stand):
        self.fill(stand, "a.mp4")
        printed = stand.invoke("delete", "a.mp4", input="")
        assert printed.exit_code == 1
        assert "use --yes" in printed.stderr and "Nothing was deleted" in printed.stderr
        assert list(stand.s3.objects) == ["a.mp4"]

    def test_dry_run_touches_nothing(self, stand):
        self.fill(stand, "a.mp4", "b.mp4")
        assert stand.json("delete", "a.mp4", "b.mp4", "--dry-run", "--json") == {
            "would_delete": ["a.mp4", "b.mp4"]
        }
        assert stand.invoke("delete", "a.mp4", "-n").stdout == "would delete a.mp4\n"
        assert set(stand.s3.objects) == {"a.mp4", "b.mp4"}

    def test_a_wrong_key_deletes_nothing(self, stand):
        self.fill(stand, "a.mp4")
        printed = stand.invoke("delete", "a.mp4", "nope.mp4", "--yes")
        assert printed.exit_code == 1
        assert "nope.mp4" in printed.stderr and "Nothing was deleted" in printed.stderr
        assert list(stand.s3.objects) == ["a.mp4"]

    def test_waits_until_nothing_is_left(self, stand):
        self.fill(stand, "a.mp4")
        stand.s3.on_delete = lambda key: None
        asked = []

        def purge_at_third(api):
            asked.append(1)
            if len(asked) == 3:
                api.videos.clear()

        stand.api.script = purge_at_third
        assert stand.json("delete", "a.mp4", "--yes", "--json") == {"deleted": ["a.mp4"], "still_indexed": []}
        assert len(asked) == 3

    def test_says_so_if_something_is_left(self, stand, monkeypatch):
        monkeypatch.setattr(videos_module, "PURGE_PATIENCE", 0.0)
        self.fill(stand, "a.mp4")
        stand.s3.on_delete = lambda key: None
        printed = stand.invoke("delete", "a.mp4", "--yes")
        assert printed.exit_code == 1
        assert "still in the index" in printed.stderr and "kadr logs purge" in printed.stderr
