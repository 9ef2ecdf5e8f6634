"""Spoken queries, from what a browser records to text, with a Whisper that was built by hand."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faster_whisper")
pytest.importorskip("fastapi")
pytest.importorskip("av")

import av
from fastapi.testclient import TestClient
from mangum import Mangum

from functions.search.app import create_app
from functions.search.speech_query import PATH, SpeechQueries, speech_queries
from kadr.adapters.silero import RATE
from kadr.core.extraction import Vector
from kadr.core.throttle import TokenBuckets
from kadr.media.audio import read_audio
from kadr.models import convert
from kadr.models.catalogue import Role
from kadr.runtime.settings import SearchSettings
from tests.models.media.clips import claim_duration, write_clip
from tests.models.speech import small_whisper
from tests.models.speech.small_whisper import Speaker
from tests.models.speech.sounds import SOUNDS

pytestmark = [pytest.mark.whisper, pytest.mark.onnx, pytest.mark.av]

EVENT = Path(__file__).parents[2] / "events" / "api_speech_query.json"
SPOKEN = "borsch_recept.mp4"  # 0.5–2.5, 3.8–6.1 and 7.4–8.7 s
# What is sent, and what it calls itself: a file's ending, a codec, its rate, options of the container.
RECORDINGS = {
    "audio/webm;codecs=opus": ("webm", "libopus", 48_000, {}),
    "audio/webm": ("webm", "libopus", 48_000, {"live": "1"}),  # as MediaRecorder: no duration in the header
    "audio/ogg; codecs=opus": ("ogg", "libopus", 48_000, {}),
    "audio/wav": ("wav", "pcm_s16le", 16_000, {}),
    "audio/x-wav": ("wav", "pcm_f32le", 16_000, {}),
    "audio/mpeg": ("mp3", "libmp3lame", 44_100, {}),
    "audio/mp4": ("mp4", "aac", 48_000, {"movflags": "frag_keyframe+empty_moov"}),  # as Safari
    "audio/x-m4a": ("mp4", "aac", 44_100, {}),
}


def encode(
    path: Path, audio: Vector, codec: str, rate: int = 48_000, options: dict[str, str] | None = None
) -> bytes:
    """Return (n,) samples at 16 kHz as a file of the kind that the path's ending tells."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[None, :]), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(
            stream.format.name, "mono", rate, stream.codec_context.frame_size or None
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path.read_bytes()


def still(path: Path, hours: float) -> bytes:
    """Return hours of silence, two bytes for 120 ms; the header does not tell how long it is."""
    nothing, size = bytes([0x1B, 2]), 5760  # two frames of 60 ms of SILK without a byte, as Opus has them
    with av.open(str(path), "w", options={"live": "1", "cluster_time_limit": "30000"}) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        stream.codec_context.open()
        for index in range(int(hours * 3600 * 48_000 / size)):
            packet = av.Packet(nothing)
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = index * size
            packet.duration = size
            container.mux(packet)
    return path.read_bytes()


@pytest.fixture(scope="module")
def question(samples: Path) -> Vector:
    """The first sentence of a clip, with half a second before it."""
    return read_audio(samples / SPOKEN)[: 3 * RATE]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Speaker], SearchSettings]:
    """Return search's settings with a Whisper that hears the speaker in everything."""

    def make(speaker: Speaker) -> SearchSettings:
        folder = tmp_path_factory.mktemp("models")
        convert.adopt(Role.SPEECH, "small", small_whisper.write(folder / "source", speaker), folder)
        return SearchSettings(
            postgres_host="nowhere.invalid",
            postgres_secret_arn="arn:none",
            qdrant_url="http://nowhere.invalid",
            media_bucket="media",
            derived_bucket="derived",
            models_dir=folder,
        )

    return make


@pytest.fixture(scope="module")
def queries(settings: Callable[[Speaker], SearchSettings]) -> SpeechQueries:
    speaker = Speaker("ru", [" Как", " варить", " борщ."], 2, english=[" How", " to", " cook"])
    return SpeechQueries(settings(speaker), buckets=TokenBuckets(60, 1000))


@pytest.fixture(scope="module")
def client(queries: SpeechQueries) -> Iterator[TestClient]:
    app = create_app()
    app.dependency_overrides[speech_queries] = lambda: queries
    with TestClient(app) as client:
        yield client


def refusal(client: TestClient, body: bytes, kind: str = "audio/webm") -> tuple[int, str]:
    """Return status and code of the answer, which comes soon and leaves no decoder behind."""
    begun = time.monotonic()
    answer = client.post(PATH, content=body, headers={"Content-Type": kind})
    assert time.monotonic() - begun < 10
    assert not children(), "a decoder was left behind"
    return answer.status_code, answer.json()["error"]["code"]


def children() -> list[int]:
    """Return the processes that this one has started and that have not been waited for."""
    found = []
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        found += (thread / "children").read_text().split()
    return [int(pid) for pid in found]


@pytest.mark.parametrize("kind", RECORDINGS)
def test_what_browsers_record_is_understood(
    client: TestClient, question: Vector, tmp_path: Path, kind: str
) -> None:
    ending, codec, rate, options = RECORDINGS[kind]
    body = encode(tmp_path / f"query.{ending}", question, codec, rate, options)
    answer = client.post(PATH, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["text"] == "Как варить борщ"  # in the language spoken, without the full stop
    assert found["language"] == "ru"
    assert found["seconds"] == pytest.approx(3.0, abs=0.1)
    assert found["took_ms"]["total"] > 0
    assert not children()


def test_it_arrives_through_api_gateway(client: TestClient, question: Vector, tmp_path: Path) -> None:
    body = encode(tmp_path / "query.webm", question, "libopus")
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    event["headers"]["content-length"] = str(len(body))
    event["body"] = base64.b64encode(body).decode()
    answer = Mangum(client.app, lifespan="off")(event, None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["text"] == "Как варить борщ"


@pytest.mark.parametrize("name", SOUNDS)
def test_where_nobody_speaks_nothing_was_said(client: TestClient, tmp_path: Path, name: str) -> None:
    body = encode(tmp_path / "query.wav", SOUNDS[name](), "pcm_s16le", RATE)
    assert refusal(client, body, "audio/wav") == (422, "nothing_said")


@pytest.mark.parametrize("said", ([" Субтитры", " сделал", " DimaTorzok"], [" [", "music", "]"]))
def test_what_whisper_invents_was_not_said(
    settings: Callable[[Speaker], SearchSettings], question: Vector, tmp_path: Path, said: list[str]
) -> None:
    app = create_app()
    inventing = SpeechQueries(settings(Speaker("ru", said, 2)))
    app.dependency_overrides[speech_queries] = lambda: inventing
    body = encode(tmp_path / "query.webm", question, "libopus")
    with TestClient(app) as client:
        assert refusal(client, body) == (422, "nothing_said")


def test_fifteen_seconds_are_let_through_and_twenty_are_not(
    client: TestClient, question: Vector, tmp_path: Path
) -> None:
    body = encode(tmp_path / "query.webm", np.tile(question, 5)[: round(15.1 * RATE)], "libopus")
    assert client.post(PATH, content=body, headers={"Content-Type": "audio/webm"}).status_code == 200
    longer = np.tile(question, 7)[: 20 * RATE]
    for options in ({}, {"live": "1"}):
        body = encode(tmp_path / "longer.webm", longer, "libopus", options=options)
        assert refusal(client, body) == (422, "too_long")


def test_three_hours_in_a_small_file_are_refused(client: TestClient, tmp_path: Path) -> None:
    body = still(tmp_path / "still.webm", hours=3)
    assert len(body) < 1_000_000
    assert refusal(client, body) == (422, "too_long")


def test_a_header_that_says_three_hours_is_believed(
    client: TestClient, question: Vector, tmp_path: Path
) -> None:
    path = tmp_path / "query.mp4"
    encode(path, question, "aac", 44_100)
    assert refusal(client, claim_duration(path, 10_800).read_bytes(), "audio/mp4") == (422, "too_long")


@pytest.mark.parametrize(
    "body",
    [b"\x00" * 1000, b"<!doctype html><p>hello" * 40, b"#EXTM3U\nfile:///etc/passwd\n", b"\x1a"],
)
def test_what_is_not_sound_is_refused(client: TestClient, body: bytes) -> None:
    assert refusal(client, body) == (415, "not_sound")


def test_what_is_cut_off_is_refused(client: TestClient, question: Vector, tmp_path: Path) -> None:
    body = encode(tmp_path / "query.mp4", question, "aac", 44_100)
    assert refusal(client, body[: len(body) // 2], "audio/mp4") == (422, "damaged")


def test_a_video_is_not_a_spoken_query(client: TestClient, tmp_path: Path) -> None:
    silent, loud = (write_clip(tmp_path / f"{tone}.mp4", tone=tone) for tone in (None, 440.0))
    assert refusal(client, silent.read_bytes(), "audio/mp4") == (415, "not_sound")
    assert refusal(client, loud.read_bytes(), "audio/mp4") == (422, "too_long")
    assert refusal(client, loud.read_bytes(), "video/mp4") == (415, "not_sound")


def test_samples_that_are_no_numbers_do_no_harm(client: TestClient, question: Vector, tmp_path: Path) -> None:
    broken = question.copy()
    broken[::1000] = np.nan
    broken[1::1000] = np.inf
    body = encode(tmp_path / "query.wav", broken, "pcm_f32le", RATE)
    answer = client.post(PATH, content=body, headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 200, answer.text


def test_many_at_once_are_served_or_told_to_come_back(
    client: TestClient, question: Vector, tmp_path: Path
) -> None:
    body = encode(tmp_path / "query.webm", question, "libopus")
    answers: list[int] = []

    def ask() -> None:
        answer = client.post(PATH, content=body, headers={"Content-Type": "audio/webm"})
        assert answer.status_code == 200 or answer.headers["Retry-After"]
        answers.append(answer.status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 6
    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert not children()
