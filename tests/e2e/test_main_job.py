"""The main job, through the real functions: what a user uploads, overwrites, deletes, and gets wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import time
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest

from kadr.core.identity import video_id
from tests.e2e.conftest import CHECKOUT, PURGING, Stack, kadr, stages, wait_for

pytestmark = [pytest.mark.local, pytest.mark.timeout(900), pytest.mark.usefixtures("killed")]


@pytest.fixture(scope="module")
def killed(stack: Stack, clips: Path) -> str:
    """The key of a video whose OCR function was killed in the middle.

    Its message is hidden for six times the function's time: the other tests do not wait for it.
    """
    key = "killed.mp4"
    stack.put(key, (clips / "save_money.mp4").read_bytes())

    def running() -> bool:
        video = stack.video(key)
        return video is not None and stages(video).get("ocr", ("", ""))[0] == "running"

    wait_for(running, seconds=60, what="the ocr function to begin")
    assert kill_workers(stack, "ocr")
    return key


def test_an_upload_is_found_by_what_is_written_in_it(stack: Stack, clips: Path) -> None:
    stack.put("recipes/борщ 🍲.mp4", (clips / "borsch_recept.mp4").read_bytes())
    video = stack.finished("recipes/борщ 🍲.mp4")
    last_stage_done = time.monotonic()
    assert stages(video)["ocr"][0] == "done"
    assert stages(video)["ingest"][0] == "done"
    assert video["state"] == "searchable"
    assert 3 < video["duration"] < 16
    for query in ("как варить борщ", "варим борщи", "borscht", "<jho"):
        assert stack.found(query)[:1] == ["recipes/борщ 🍲.mp4"], query
    assert time.monotonic() - last_stage_done < 30
    thumbnail = httpx.get(video["thumbnail_url"])
    assert thumbnail.content.startswith(b"\xff\xd8")


def test_evidence_says_where_in_the_video(stack: Stack, clips: Path) -> None:
    stack.put("evidence.mp4", (clips / "roblox_secret.mp4").read_bytes())
    stack.finished("evidence.mp4")
    answer = stack.api.get("/search", params={"q": "роблокс"}).json()
    best = next(result for result in answer["results"] if result["key"] == "evidence.mp4")
    moment = best["evidence"][0]
    assert moment["modality"] == "ocr"
    assert 0 <= moment["start"] <= moment["end"] <= best["duration"] + 0.5
    assert [result["score"] for result in answer["results"]] == sorted(
        (result["score"] for result in answer["results"]), reverse=True
    )


def test_overwritten_then_deleted(stack: Stack, clips: Path) -> None:
    key = "overwritten.mp4"
    first, second = (clips / "yoga_utro.mp4").read_bytes(), (clips / "minecraft_house.mp4").read_bytes()
    stack.put(key, first)
    stack.finished(key, size=len(first))
    assert key in stack.found("йога")

    stack.put(key, second)
    stack.finished(key, size=len(second))
    assert key in stack.found("minecraft")
    assert key not in [hit for hit in stack.found("йога") if matched(stack, "йога", hit)]

    stack.delete(key)
    wait_for(lambda: stack.video(key) is None, seconds=PURGING, what="the video to be purged")
    assert key not in stack.found("minecraft", k=50)
    assert_nothing_left(stack, key)


def matched(stack: Stack, query: str, key: str) -> bool:
    """Return whether the video was found for words of the query, not for being all there is."""
    answer = stack.api.get("/search", params={"q": query, "k": 50}).json()
    return any(result["key"] == key and result["evidence"] for result in answer["results"])


def assert_nothing_left(stack: Stack, key: str) -> None:
    """Look into the stores themselves."""
    import psycopg
    from qdrant_client import QdrantClient

    identity = str(video_id(stack.info.media_bucket, key))
    assert (
        QdrantClient(url=stack.info.qdrant_url, check_compatibility=False).retrieve("videos", [identity])
        == []
    )
    where = stack.info.postgres
    secret = json.loads(
        stack.client("secretsmanager").get_secret_value(SecretId=where["secret_arn"])["SecretString"]
    )
    with psycopg.connect(
        host=where["host"],
        port=where["port"],
        dbname=where["database"],
        user=secret["username"],
        password=secret["password"],
    ) as connection:
        for table in ("video", "extraction", "moment", "face", "frame_embeddings"):
            rows = connection.execute(f"SELECT * FROM {table} WHERE video_id = %s".encode(), (identity,))
            assert rows.fetchall() == [], table
    listed = stack.client("s3").list_objects_v2(Bucket=stack.info.derived_bucket)
    assert not [each["Key"] for each in listed.get("Contents", []) if identity in each["Key"]]


def silent_clip() -> bytes:
    """Return two seconds of a plain moving gradient: no sound, no text, no faces."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 180, 320, "yuv420p"
        for index in range(20):
            row = np.linspace(60, 190, 180).astype(np.uint8)
            picture = np.repeat(np.roll(row, index)[None, :, None], 320, axis=0).repeat(3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def claims_two_hours(video: bytes) -> bytes:
    """Return the MP4 with every duration in its headers set to two hours."""
    patched = bytearray(video)
    for box, scale_at, duration_at in ((b"mvhd", 16, 20), (b"mdhd", 16, 20)):
        at = patched.find(box)
        while at >= 0:
            scale = int.from_bytes(patched[at + scale_at : at + scale_at + 4], "big")
            patched[at + duration_at : at + duration_at + 4] = (scale * 7200).to_bytes(4, "big")
            at = patched.find(box, at + 4)
    at = patched.find(b"tkhd")
    while at >= 0:
        patched[at + 24 : at + 28] = (1000 * 7200).to_bytes(4, "big")
        at = patched.find(b"tkhd", at + 4)
    at = patched.find(b"elst")
    while at >= 0:
        patched[at + 12 : at + 16] = (1000 * 7200).to_bytes(4, "big")
        at = patched.find(b"elst", at + 4)
    return bytes(patched)


def sound_only() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(bytes(32000))
    return file.getvalue()


def test_bad_input_ends_in_words_and_blocks_nothing(stack: Stack, clips: Path) -> None:
    whole = (clips / "pancakes.mp4").read_bytes()
    plain = silent_clip()
    uploads = {
        "bad/text.mp4": "Это не видео, а текст.\n".encode() * 40,
        "bad/empty.mp4": b"",
        "bad/half.mp4": whole[: len(whole) // 2],
        "bad/head.mp4": whole[:900],
        "bad/plain.mp4": plain,
        "bad/two hours.mp4": claims_two_hours(plain),
        "bad/sound.wav": sound_only(),
        "bad/good.mp4": whole,
    }
    for key, body in uploads.items():
        stack.put(key, body)
    ended = {key: stack.finished(key, size=len(body)) for key, body in uploads.items()}
    said = {key: stages(video) for key, video in ended.items()}

    for key in ("bad/text.mp4", "bad/empty.mp4", "bad/head.mp4", "bad/two hours.mp4", "bad/sound.wav"):
        assert ended[key]["state"] == "failed", (key, said[key])
        state, reason = said[key]["ingest"]
        assert state == "failed", (key, said[key])
        assert len(reason) > 10, key
        assert "Traceback" not in reason
    assert "empty" in said["bad/empty.mp4"]["ingest"][1]
    assert "7200" in said["bad/two hours.mp4"]["ingest"][1] or "2 h" in said["bad/two hours.mp4"]["ingest"][1]

    assert ended["bad/plain.mp4"]["state"] == "empty"
    assert said["bad/plain.mp4"]["speech"] == ("empty", "no sound")
    assert said["bad/plain.mp4"]["ocr"] == ("empty", "no text")
    assert said["bad/plain.mp4"]["faces"] == ("empty", "no faces")
    assert said["bad/plain.mp4"]["visual"][0] == "unavailable"

    # What can be decoded of half a video is used.
    assert ended["bad/half.mp4"]["state"] in {"searchable", "failed"}
    assert ended["bad/good.mp4"]["state"] == "searchable"
    assert "bad/good.mp4" in stack.found("pancakes")

    listed = stack.api.get("/videos", params={"state": "failed", "prefix": "bad/"}).json()["videos"]
    assert {video["key"] for video in listed} >= {"bad/text.mp4", "bad/empty.mp4"}


def test_two_uploads_of_one_key_at_once_end_with_the_last(stack: Stack, clips: Path) -> None:
    first, last = (clips / "istanbul.mp4").read_bytes(), (clips / "oil_change.mp4").read_bytes()
    stack.put("race.mp4", first)
    stack.put("race.mp4", last)
    stack.finished("race.mp4", size=len(last))
    assert matched(stack, "oil", "race.mp4")
    assert not matched(stack, "стамбул", "race.mp4")


def kill_workers(stack: Stack, function: str) -> list[int]:
    """Kill the function's processes without warning; return their ids."""
    killed = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if (
            str(stack.root) in environment
            and f"AWS_LAMBDA_FUNCTION_NAME=kadr-local-{function}\0" in environment
        ):
            os.kill(int(process.name), signal.SIGKILL)
            killed.append(int(process.name))
    return killed


def test_the_gateway_answers_like_the_api(stack: Stack) -> None:
    def found(answer: httpx.Response) -> list[str]:
        return [each["video_id"] for each in answer.json()["results"]]

    def alike() -> bool:
        # What the tests before have uploaded may still be on its way, between the two questions.
        direct = stack.api.get("/search", params={"q": "борщ"})
        through = httpx.get(f"{stack.info.gateway_url}/search", params={"q": "борщ"}, timeout=60)
        return found(through) == found(direct) != []

    wait_for(alike, seconds=60, what="the gateway's answer being the API's")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/search", 422, "q"),
        ("/search?q=", 422, "q"),
        ("/search?q=x&k=0", 422, "k"),
        ("/search?q=%20%20", 422, "nothing to look for"),
        ("/search?q=%F0%9F%8E%89", 422, "nothing to look for"),
        ("/videos/not-a-uuid", 422, "video_id"),
        ("/videos/00000000-0000-0000-0000-000000000000", 404, "no video"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_errors_are_words(stack: Stack, path: str, status: int, says: str) -> None:
    answer = stack.api.get(path)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


def test_when_nothing_fits_it_says_so(stack: Stack) -> None:
    assert stack.api.get("/search", params={"q": "ядерный реактор"}).json()["nothing_good"]
    assert not stack.api.get("/search", params={"q": "борщ"}).json()["nothing_good"]


def test_the_api_describes_itself_and_is_well(stack: Stack) -> None:
    paths = stack.api.get("/openapi.json").json()["paths"]
    assert {"/search", "/videos", "/videos/{video_id}", "/healthz", "/status"} <= set(paths)
    health = stack.api.get("/healthz").json()
    assert health["status"] == "ok"
    assert "not installed" in health["checks"]["model visual"]


def test_hostile_queries_do_no_harm(stack: Stack) -> None:
    for query in ("'; DROP TABLE video; --", "<script>alert(1)</script>", "\x00", "🍲" * 100, "a" * 300, '"'):
        answer = stack.api.get("/search", params={"q": query})
        assert answer.status_code in {200, 422}, query
        if answer.status_code == 200:
            assert answer.json()["query"]["original"] == query
    assert stack.found("борщ")


def test_killing_a_function_in_the_middle_loses_nothing(stack: Stack, killed: str) -> None:
    video = stack.finished(killed, seconds=420)
    ocr = next(stage for stage in video["stages"] if stage["stage"] == "ocr")
    assert ocr["state"] == "done"
    assert ocr["attempts"] == 2
    assert matched(stack, "save money", killed)


def test_state_survives_down_and_up(stack: Stack) -> None:
    from kadr_local.stack import LocalStack

    before = stack.found("как варить борщ")
    local = LocalStack(stack.root, CHECKOUT / "template.yaml")
    local.down()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{stack.info.api_url}/healthz")
    local.up(settings=stack.settings)
    stack.warm()
    assert stack.found("как варить борщ") == before
    # and it still works
    stack.put("after.mp4", (CHECKOUT / "samples" / "clips" / "leaky_tap.mp4").read_bytes())
    stack.finished("after.mp4")
    assert "after.mp4" in stack.found("leaky tap")


def test_the_command_line_searches(stack: Stack) -> None:
    answer = kadr(stack, "search", "как варить борщ", "--json")
    results = answer["results"]
    assert results[0]["key"] == "recipes/борщ 🍲.mp4"
    assert {"score", "video_id", "key", "evidence"} <= set(results[0])
    assert {"modality", "text", "start", "end"} <= set(results[0]["evidence"][0])
