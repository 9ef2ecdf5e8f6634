"""Forms to upload with: who gets one, for what, and what the file is called then."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from functions.search.upload_routes import buckets
from kadr.core.identity import video_id
from kadr.core.throttle import TokenBuckets
from kadr.core.upload_names import safe_name, upload_key, video_type
from tests.fakes import MemoryObjectStore, ScopedKeys

APP = create_app()
TOKEN = UUID("5b2c1c5e-0f5f-4d0a-8a53-9d9a2f9b7c11")
KEY = {"Authorization": "Bearer upload"}
FILE = {"name": "сырники.mp4", "size": 1000, "content_type": "video/mp4"}


@pytest.fixture
def objects() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def client(objects: MemoryObjectStore) -> Iterator[TestClient]:
    settings = SimpleNamespace(
        media_bucket="media", media_max_bytes=5000, upload_seconds=600, uploads_per_minute=60
    )
    APP.dependency_overrides[services] = lambda: SimpleNamespace(
        settings=settings, world=SimpleNamespace(keys=ScopedKeys(), objects=objects)
    )
    limits = TokenBuckets(60, 3, clock=lambda: 0.0)
    APP.dependency_overrides[buckets] = lambda: limits
    with TestClient(APP) as client:
        yield client


def test_a_form_is_for_one_place_one_type_and_one_size(client, objects):
    answer = client.post("/uploads", json=FILE, headers=KEY)
    assert answer.status_code == 201
    form = answer.json()
    folder, token, name = form["key"].split("/")
    assert (folder, name) == ("uploads", "сырники.mp4")
    assert UUID(token).version == 4  # random, unlike the video's id, which follows from the key
    assert form["video_id"] == str(video_id("media", form["key"]))
    assert form["fields"] == {"key": form["key"], "Content-Type": "video/mp4"}
    assert form["max_bytes"] == 5000
    assert objects.forms == ["video/mp4, 5000 bytes, 600 s"]
    assert client.post("/uploads", json=FILE, headers=KEY).json()["key"] != form["key"]


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), ("edit", 403), ("acme:upload", 403)])
def test_nobody_else_gets_one(client, objects, key, status):
    answer = client.post("/uploads", json=FILE, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == status
    assert objects.forms == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size": 5001}, 413, "too_large"),
        ({"size": 0}, 422, "invalid"),
        ({"size": -1}, 422, "invalid"),
        ({"name": ""}, 422, "invalid"),
        ({"name": "a" * 1025}, 422, "invalid"),
        ({"content_type": "text/html"}, 415, "not_a_video"),
        ({"name": "page.html", "content_type": ""}, 415, "not_a_video"),
        ({"name": "sound.mp3", "content_type": "audio/mpeg"}, 415, "not_a_video"),
    ],
)
def test_what_would_be_refused_later_is_refused_before_it_is_sent(client, objects, change, status, code):
    answer = client.post("/uploads", json=FILE | change, headers=KEY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert objects.forms == []


def test_a_key_is_told_when_to_come_back_and_others_are_not_kept_waiting(client):
    answers = [client.post("/uploads", json=FILE, headers=KEY).status_code for _ in range(4)]
    assert answers == [201, 201, 201, 429]
    assert client.post("/uploads", json=FILE, headers=KEY).headers["Retry-After"] == "1"
    other = client.post("/uploads", json=FILE, headers={"Authorization": "Bearer upload+edit"})
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("🐘 слон 👩‍👩‍👧.mp4", "🐘 слон 👩‍👩‍👧.mp4"),
        ("../../etc/passwd.mp4", "passwd.mp4"),
        ("..\\..\\windows\\clip.mp4", "clip.mp4"),
        ("C:\\videos\\clip.mp4", "clip.mp4"),
        ("..", "video.mp4"),
        ("/", "video.mp4"),
        ("\x00\x1f\u200e", "video.mp4"),
        (".htaccess", "htaccess"),
        ("<img src=x onerror=alert(1)>.mp4", "<img src=x onerror=alert(1)>.mp4"),
        ("</script><script>alert(1)</script>.mp4", "script>.mp4"),
        ("${filename}.mp4", "$(filename}.mp4"),
        ("a\r\nX-Evil: 1.mp4", "a X-Evil: 1.mp4"),
        ("innocent\u202e4pm.exe.mp4", "innocent4pm.exe.mp4"),
        ("и\u0306.mp4", "й.mp4"),
        ("a\ufffe\U0001ffff.mp4", "a.mp4"),
        ("%2e%2e%2fclip.mp4", "%2e%2e%2fclip.mp4"),
        ("one   two\t three .mp4", "one two three.mp4"),
    ],
)
def test_a_name_stays_what_people_recognise_and_does_nothing(name, kept):
    assert safe_name(name, "video/mp4") == kept
    assert upload_key(TOKEN, name, "video/mp4") == f"uploads/{TOKEN}/{kept}"


@pytest.mark.parametrize("letter", ["a", "ж", "語", "🐘"])
def test_a_long_name_keeps_its_end_and_whole_characters(letter):
    short = safe_name(letter * 1000 + ".webm", "video/webm")
    assert 190 <= len(short.encode()) <= 200
    assert set(short.removesuffix(".webm")) == {letter}


@pytest.mark.parametrize(
    ("name", "claimed", "kind"),
    [
        ("a.mp4", "video/mp4", "video/mp4"),
        ("a.bin", "Video/MP4; codecs=avc1", "video/mp4"),
        ("a.MKV", "", "video/x-matroska"),
        ("a.mkv", "application/octet-stream", "video/x-matroska"),
        ("a.mov", "video/strange", "video/quicktime"),
        ("a.avi", "video/avi", "video/x-msvideo"),
        ("a.m3u8", "", None),
        ("a.mp4", "text/html", None),
        ("a.mp4", "image/svg+xml", None),
        ("mp4", "", None),
    ],
)
def test_a_type_is_a_videos_or_there_is_no_form(name, claimed, kind):
    assert video_type(name, claimed) == kind
