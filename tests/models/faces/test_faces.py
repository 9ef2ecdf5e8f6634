"""Who appears: real clips, real faces."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dlib")
pytest.importorskip("av")

from PIL import Image, ImageFilter

from functions.faces.extract import extract, model_version, off
from kadr.adapters.faces_dlib import DlibFaces
from kadr.core.extraction import Extraction
from kadr.core.face_clusters import cluster, near
from kadr.core.modality import StageState
from kadr.media.frames import FramePlan, sample_frames
from kadr.models.registry import require
from kadr.runtime.settings import ExtractorSettings
from tests.models.media.clips import write_clip

pytestmark = [pytest.mark.dlib, pytest.mark.av]

Settings = Callable[[Path], ExtractorSettings]


@pytest.fixture(scope="module")
def found(
    samples: Path, settings_for: Settings, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Extraction]:
    """What is found in every sample clip that the catalogue says has people, and in some that have none."""
    lines = (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    clips = [json.loads(line) for line in lines]
    empty = ["dressirovka.mp4", "chelsea_the_cat.mp4", "baikal.mp4"]
    names = [clip["file"] for clip in clips if clip["people"]] + empty
    settings = settings_for(tmp_path_factory.mktemp("no-models"))
    return {name: extract(samples / name, settings) for name in names}


def test_everybody_is_found_and_nobody_else(samples: Path, found: dict[str, Extraction]) -> None:
    lines = (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    expected = {clip["file"]: len(clip["people"]) for clip in map(json.loads, lines)}
    assert {name: len(extraction.faces) for name, extraction in found.items()} == {
        name: expected[name] for name in found
    }


def test_one_person_is_close_to_herself_and_far_from_others(
    samples: Path, found: dict[str, Extraction]
) -> None:
    people: dict[str, list[np.ndarray]] = {}
    for line in (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(line)
        if len(clip["people"]) == 1:
            people.setdefault(clip["people"][0]["id"], []).append(found[clip["file"]].faces[0].encoding)
    assert len(people) >= 2
    for name, encodings in people.items():
        for encoding in encodings:
            assert encoding.shape == (128,)
            assert np.linalg.norm(encoding - encodings[0]) < 0.5
            for other in (one for key, ones in people.items() if key != name for one in ones):
                assert np.linalg.norm(encoding - other) > 0.6


def test_the_same_person_is_found_in_all_clips_of_theirs(samples: Path, found: dict[str, Extraction]) -> None:
    lines = (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    shown = {clip["file"]: {person["id"] for person in clip["people"]} for clip in map(json.loads, lines)}
    places = [(name, face) for name, extraction in found.items() for face in extraction.faces]
    encodings = np.stack([face.encoding for _, face in places])
    labels = cluster(encodings, near(encodings)).tolist()
    clips: dict[int, set[str]] = {}
    for (name, _), label in zip(places, labels, strict=True):
        clips.setdefault(label, set()).add(name)
    people = {person for name in found for person in shown[name]}
    assert sorted(map(sorted, clips.values())) == sorted(
        sorted(name for name in found if person in shown[name]) for person in people
    )


def test_times_and_counts_are_those_of_the_clip(samples: Path, found: dict[str, Extraction]) -> None:
    for line in (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(line)
        if len(clip["people"]) != 1:
            continue
        (person,) = clip["people"]
        (face,) = found[clip["file"]].faces
        assert face.count == len(face.times) == pytest.approx(person["end"] - person["start"], abs=1.5)
        assert face.first_seen == face.times[0] >= person["start"] - 0.1
        assert face.last_seen == face.times[-1] <= person["end"]
        assert list(face.times) == sorted(face.times)


def test_who_is_seen_most_comes_first(found: dict[str, Extraction]) -> None:
    first, second = found["two_pioneers.mp4"].faces
    assert first.count > second.count
    assert first.first_seen < second.first_seen


def test_the_crop_shows_the_face(samples: Path, found: dict[str, Extraction]) -> None:
    face = found["grace_hopper.mp4"].faces[0]
    crop = Image.open(io.BytesIO(face.crop))
    assert crop.format == "JPEG"
    assert max(crop.size) <= 320
    assert 0.5 < face.quality <= 1
    # Found again in the crop, by the same detector, near its middle.
    faces = DlibFaces(require("faces", samples)).detect(np.asarray(crop.convert("RGB")))
    assert len(faces) == 1
    left, top, right, bottom = faces[0].box
    assert (left + right) / 2 == pytest.approx(crop.width / 2, abs=crop.width * 0.15)
    assert (top + bottom) / 2 == pytest.approx(crop.height / 2, abs=crop.height * 0.15)


def test_no_faces_is_a_state_with_a_reason(found: dict[str, Extraction]) -> None:
    cat = found["chelsea_the_cat.mp4"]
    assert cat.state is StageState.EMPTY
    assert cat.reason == "no faces"
    assert cat.details["frames"] >= 5


def test_a_blurred_face_is_not_kept(samples: Path, settings_for: Settings, tmp_path: Path) -> None:
    frame = next(iter(sample_frames(samples / "grace_hopper.mp4", FramePlan())))
    blurred = np.asarray(Image.fromarray(frame.image).filter(ImageFilter.GaussianBlur(7)))
    assert DlibFaces(require("faces", tmp_path)).detect(blurred)  # still a face to the detector
    clip = write_clip(
        tmp_path / "blurred.mp4",
        seconds=2,
        fps=4,
        size=(blurred.shape[1], blurred.shape[0]),
        picture=lambda index, width, height: blurred,
    )
    assert extract(clip, settings_for(tmp_path)).reason == "no faces"


def test_the_same_clip_gives_the_same_people(samples: Path, settings_for: Settings, tmp_path: Path) -> None:
    once, again = (extract(samples / "face_without_text.mp4", settings_for(tmp_path)) for _ in range(2))
    assert once.faces[0].crop == again.faces[0].crop
    assert np.array_equal(once.faces[0].encoding, again.faces[0].encoding)


def test_the_version_names_weights_and_recipe(settings_for: Settings, tmp_path: Path) -> None:
    assert model_version(settings_for(tmp_path)).startswith("dlib-resnet-v1@")


def test_switched_off_nobody_is_looked_for(settings_for: Settings, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    without = settings.model_copy(update={"faces": "off"})
    assert (off(settings), off(without)) == ("", "faces are switched off")
    # switched on again, the video is looked at again
    assert model_version(without) != model_version(settings)
