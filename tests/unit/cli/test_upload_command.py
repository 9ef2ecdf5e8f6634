from __future__ import annotations

import json
import math
import os
import threading
import unicodedata
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kadr.cli.api import VideoStatus
from kadr.cli.failure import CommandError
from kadr.cli.following import POLL_AT_MOST, Follower, settled
from kadr.cli.sending import Interrupted, plan
from tests.unit.cli.stand import stage, video


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 10)


def index_on_upload(stand, **states):
    """Let the stack index whatever is sent; every version is a minute later than the last."""

    def index(key):
        indexed = video(key, **states)
        for each in indexed["stages"]:
            later = datetime.fromisoformat(each["updated_at"]) + timedelta(minutes=len(stand.s3.sent))
            each["updated_at"] = later.isoformat()
        stand.api.add(indexed)

    stand.s3.on_upload = index


class TestPlan:
    def test_folders_give_their_videos_under_relative_names(self, tmp_path):
        write(tmp_path, "b.MP4", "a/я 🎬.mov", "a/notes.txt", ".hidden.mp4", "a/.cache/x.mp4", "a/z.webm")
        assert [item.key for item in plan([tmp_path])] == ["b.MP4", "a/z.webm", "a/я 🎬.mov"]
        assert "a/notes.txt" in [item.key for item in plan([tmp_path], every_file=True)]
        assert [item.key for item in plan([tmp_path / "a"], prefix="p/")] == ["p/z.webm", "p/я 🎬.mov"]

    @pytest.mark.parametrize("prefix", ["p/q", "p/q/", "/p/q", "//p//q//"])
    def test_a_prefix_is_a_folder_however_it_is_written(self, tmp_path, prefix):
        write(tmp_path, "a.mp4")
        assert [item.key for item in plan([tmp_path], prefix=prefix)] == ["p/q/a.mp4"]

    @pytest.mark.parametrize("prefix", ["..", "../x", "x/./y", "x/.."])
    def test_a_prefix_does_not_climb(self, tmp_path, prefix):
        write(tmp_path, "a.mp4")
        with pytest.raises(CommandError, match=r"means nothing in a key"):
            plan([tmp_path], prefix=prefix)

    def test_a_named_file_is_taken_whatever_it_is_called(self, tmp_path):
        write(tmp_path, "x/film.bin")
        (only,) = plan([tmp_path / "x" / "film.bin"])
        assert (only.key, only.size) == ("film.bin", 100)

    def test_keys_are_composed_whatever_the_file_system_writes(self, tmp_path):
        write(tmp_path, unicodedata.normalize("NFD", "й.mp4"))
        assert [item.key for item in plan([tmp_path])] == ["й.mp4"]

    def test_two_files_never_share_a_key(self, tmp_path):
        write(tmp_path, "a/x.mp4", "b/x.mp4")
        with pytest.raises(CommandError, match=r"would both become x\.mp4"):
            plan([tmp_path / "a", tmp_path / "b"])
        assert len(plan([tmp_path / "a", tmp_path / "a" / "x.mp4"])) == 1

    def test_what_cannot_be_sent_is_said(self, tmp_path):
        with pytest.raises(CommandError, match="does not exist"):
            plan([tmp_path / "nope"])
        with pytest.raises(CommandError, match="There is no video in"):
            plan([tmp_path])
        write(tmp_path, "x" * 200 + ".mp4")
        with pytest.raises(CommandError, match="S3 takes 1024"):
            plan([tmp_path], prefix="п" * 500)


def test_files_are_sent_and_followed(stand, tmp_path):
    write(tmp_path, "a.mp4", "deep/b.mp4")
    index_on_upload(stand)
    printed = stand.json("upload", str(tmp_path), "--json")
    assert sorted(stand.s3.sent) == ["a.mp4", "deep/b.mp4"]
    assert [(item["key"], item["outcome"], item["video"]["state"]) for item in printed["uploads"]] == [
        ("a.mp4", "sent", "searchable"),
        ("deep/b.mp4", "sent", "searchable"),
    ]
    assert printed["failed"] == []


def test_without_a_terminal_each_clip_and_stage_is_a_line(stand, tmp_path):
    write(tmp_path, "a.mp4")
    before = [stage("ingest"), stage("ocr", "running"), stage("speech", "queued")]
    stand.s3.on_upload = lambda key: stand.api.add(video(key, state="indexing", stages=before))
    asked = []

    def finish(api):
        asked.append(1)
        if len(asked) == 4:
            before[1:] = [stage("ocr"), stage("speech", "empty", "no sound")]
        if len(asked) == 6:
            api.add(video("a.mp4"))

    stand.api.script = finish
    printed = stand.invoke("upload", str(tmp_path / "a.mp4"))
    assert printed.exit_code == 0
    assert printed.stderr.splitlines() == [
        "[1/1] a.mp4  sent 50 B",
        "[1/1] a.mp4  ✓ ingest  ▸ ocr",
        "[1/1] a.mp4  ✓ ocr  · speech (no sound)",
        "[1/1] a.mp4  searchable:  ✓ ingest  ✓ visual  ✓ ocr  ✓ speech  ✓ faces  ✓ assemble",
    ]
    assert printed.stdout == "1 file: 1 sent, 1 searchable.\n"


class TestResume:
    def test_what_is_there_is_not_sent_again(self, stand, tmp_path):
        write(tmp_path, "a.mp4", "b.mp4")
        index_on_upload(stand)
        stand.json("upload", str(tmp_path), "--json")
        (tmp_path / "b.mp4").write_bytes(b"another film")
        printed = stand.json("upload", str(tmp_path), "--json")
        assert stand.s3.sent[2:] == ["b.mp4"]
        assert [item["outcome"] for item in printed["uploads"]] == ["identical", "sent"]
        assert all(item["video"]["state"] == "searchable" for item in printed["uploads"])

    def test_force_sends_it(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        index_on_upload(stand)
        stand.json("upload", str(tmp_path), "--json")
        stand.invoke("upload", str(tmp_path), "--force", "--no-wait")
        assert stand.s3.sent == ["a.mp4", "a.mp4"]

    def test_someone_else_s_copy_counts_by_its_etag(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        stand.s3.put("a.mp4", (tmp_path / "a.mp4").read_bytes())
        stand.api.add(video("a.mp4"))
        assert stand.json("upload", str(tmp_path), "--json")["uploads"][0]["outcome"] == "identical"

    def test_same_size_and_other_bytes_are_another_film(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        stand.s3.put("a.mp4", b"x" * 50)
        stand.api.add(video("a.mp4"))
        stand.invoke("upload", str(tmp_path), "--no-wait")
        assert stand.s3.sent == ["a.mp4"]

    def test_an_object_that_the_stack_does_not_know_is_sent_again(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        stand.s3.put("a.mp4", (tmp_path / "a.mp4").read_bytes())
        index_on_upload(stand)
        assert stand.json("upload", str(tmp_path), "--json")["uploads"][0]["outcome"] == "sent"

    def test_the_old_version_s_stages_are_not_taken_for_the_new_one_s(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        stand.s3.put("a.mp4", b"the old film")
        stand.api.add(video("a.mp4"))
        asked = []

        def overwrite(api):
            asked.append(1)
            if len(asked) == 5:
                old = video("a.mp4", state="failed")
                api.add(old | {"stages": [stage(each["stage"], at=60) for each in old["stages"]]})

        stand.api.script = overwrite
        printed = stand.invoke("upload", str(tmp_path), "--json")
        assert len(asked) >= 5
        assert json.loads(printed.stdout)["uploads"][0]["video"]["state"] == "failed"

    def test_an_interrupted_run_says_what_is_there(self, stand, tmp_path):
        """One file is in the bucket when Ctrl-C comes, and the other's last byte has just gone through."""
        write(tmp_path, "a.mp4", "b.mp4")
        all_sent, interrupted = threading.Event(), threading.Event()

        def hold_b(key):
            if key == "b.mp4":
                all_sent.set()
                assert interrupted.wait(10)

        def press_ctrl_c(api):
            in_front = threading.current_thread() is threading.main_thread()
            if in_front and "a.mp4" in stand.s3.sent and all_sent.is_set():
                interrupted.set()
                raise KeyboardInterrupt

        stand.s3.on_last_byte = hold_b
        stand.api.script = press_ctrl_c
        # a.mp4 is still being indexed, so that the API is asked about it
        stand.s3.on_upload = lambda key: stand.api.add(video(key, state="indexing", stages=[]))
        printed = stand.invoke("upload", str(tmp_path), "-j", "2")
        assert printed.exit_code == 130
        assert "Interrupted: 2 of 2 files are in the bucket, and their indexing goes on" in printed.stderr

    def test_an_interrupted_run_says_what_is_left(self, stand, tmp_path):
        write(tmp_path, "a.mp4", "b.mp4")

        def press_ctrl_c(key):
            raise KeyboardInterrupt

        stand.s3.on_upload = press_ctrl_c
        printed = stand.invoke("upload", str(tmp_path), "-j", "1")
        assert printed.exit_code == 130
        assert (
            "0 of 2 files are in the bucket. Run the same command again to send the other 2."
            in printed.stderr
        )


class TestFailures:
    def test_a_file_that_cannot_be_sent_stops_no_other(self, stand, tmp_path):
        write(tmp_path, "a.mp4", "b.mp4")

        def refuse_a(key):
            if key == "a.mp4":
                raise OSError(28, "No space left on device", "a.mp4")
            stand.api.add(video(key))

        stand.s3.on_upload = refuse_a
        printed = stand.invoke("upload", str(tmp_path))
        assert printed.exit_code == 1
        assert stand.s3.sent == ["b.mp4"]
        assert "No space left on device" in printed.stdout
        assert "2 files: 1 sent, 1 not sent, 1 searchable." in printed.stdout

    def test_a_file_that_is_no_video_fails_with_its_reason(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        stages = [
            stage(name, "failed", "not a video: no container was recognised")
            for name in ("ingest", "visual", "ocr", "speech", "faces")
        ]
        index_on_upload(stand, state="failed", stages=stages)
        printed = stand.invoke("upload", str(tmp_path))
        assert printed.exit_code == 1
        assert "no container was recognised" in printed.stdout
        assert "1 sent, 1 failed" in printed.stdout

    def test_waiting_ends_when_nothing_happens(self, stand, tmp_path):
        write(tmp_path, "a.mp4")
        index_on_upload(stand, state="indexing", stages=[stage("ingest", "queued")])
        printed = stand.invoke("upload", str(tmp_path), "--patience", "1")
        assert printed.exit_code == 1
        assert "Nothing has happened" in printed.stderr and "kadr status" in printed.stderr

    def test_an_api_that_stumbles_is_asked_again(self, stand, tmp_path):
        import httpx

        write(tmp_path, "a.mp4")
        index_on_upload(stand)
        asked = []

        def stumble(api):
            asked.append(1)
            api.failure = httpx.ConnectError("refused") if 2 <= len(asked) < 6 else None

        stand.api.script = stumble
        assert stand.invoke("upload", str(tmp_path)).exit_code == 0


def test_a_transfer_stops_when_it_is_told_to(stand, tmp_path):
    from kadr.cli.sending import Bucket, deliver

    write(tmp_path, "a.mp4")
    (item,) = plan([tmp_path])
    stop = threading.Event()
    stand.s3.on_upload = lambda key: stop.set()
    with stand.target.api() as api, pytest.raises(Interrupted):
        deliver(
            item, Bucket(stand.s3, "media"), api, force=False, stop=stop, progress=lambda *_: pytest.fail()
        )
    assert stand.s3.objects == {}


class TestSettled:
    def of(self, **states):
        stages = [
            stage(name, *([state] if isinstance(state, str) else [state[0]]),
                  at=state[1] if isinstance(state, tuple) else 0)
            for name, state in states.items()
        ]  # fmt: skip
        return settled(VideoStatus.model_validate(video("a.mp4", stages=stages)))

    EMPTY = dict(ingest="done", visual="unavailable", ocr="failed", speech="dead", faces="unavailable")  # noqa: RUF012, C408

    def test_not_while_a_stage_is_missing_or_on_its_way(self):
        assert not self.of(ingest="done", ocr="done")
        assert not self.of(**(self.EMPTY | {"ocr": "retrying"}))

    def test_without_anything_to_assemble(self):
        assert self.of(**self.EMPTY)

    def test_only_once_assemble_has_seen_every_modality(self):
        found = self.EMPTY | {"ocr": ("done", 5), "faces": ("empty", 7)}
        assert not self.of(**found)
        assert not self.of(**found, assemble=("running", 9))
        assert not self.of(**found, assemble=("done", 6))
        assert self.of(**found, assemble=("done", 7))
        assert self.of(**found, assemble=("failed", 0))


def test_every_video_has_its_turn(stand):
    """More videos than one round asks about: those in front must not keep the others waiting."""
    keys = [f"{number}.mp4" for number in range(60)]
    for key in keys[:-1]:
        stand.api.add(video(key, state="indexing", stages=[stage("ingest", "running")]))
    stand.api.add(video(keys[-1]))
    with stand.target.api() as api:
        follower = Follower(api, patience=60)
        for key in keys:
            follower.watch(stand.id(key))
        rounds = 0
        while len(follower.waiting) == 60:
            follower.poll()
            rounds += 1
    assert rounds == math.ceil(60 / POLL_AT_MOST)
    assert stand.id(keys[-1]) not in follower.waiting


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    listed = os.scandir

    def scandir(path):
        if Path(path).name == "theirs":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError):
        plan([tmp_path])
