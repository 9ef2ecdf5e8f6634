"""Smeared, tiny and turned faces never stand for a person; what passes is close to its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dlib")
pytest.importorskip("av")

from functions.faces.extract import extract
from functions.faces.quality import passes
from kadr.adapters.faces_dlib import DetectedFace, DlibFaces
from kadr.core.extraction import Extraction
from kadr.media.frames import FramePlan, sample_frames
from kadr.models.registry import require
from kadr.runtime.settings import ExtractorSettings
from tests.models.faces.damage import (
    Box,
    Picture,
    enlarged,
    moved,
    reduced,
    squeezed,
    tilted,
    turned,
    unfocused,
)
from tests.models.media.clips import write_clip

pytestmark = [pytest.mark.dlib, pytest.mark.av]

Settings = Callable[[Path], ExtractorSettings]

# Beyond this distance two of dlib's encodings begin to be two people within one video.
SAME_PERSON = 0.5
FACES = ["face_without_text.mp4", "grace_hopper.mp4"]


@pytest.fixture(scope="module")
def dlib_faces(tmp_path_factory: pytest.TempPathFactory) -> DlibFaces:
    return DlibFaces(require("faces", tmp_path_factory.mktemp("none")))


@pytest.fixture(scope="module", params=FACES)
def portrait(
    request: pytest.FixtureRequest, samples: Path, dlib_faces: DlibFaces
) -> tuple[Picture, DetectedFace]:
    picture = next(iter(sample_frames(samples / request.param, FramePlan(every=2.0)))).image
    (face,) = dlib_faces.detect(picture, min_score=0.5)
    assert passes(face)
    return picture, face


def damaged(picture: Picture, box: Box) -> Iterator[tuple[str, Picture]]:
    """Everything from hardly noticeable to hopeless."""
    width = box[2] - box[0]
    for share in (0.03, 0.06, 0.09, 0.12, 0.2, 0.3):
        for direction in (0, 45, 90):
            yield f"moved by {share} at {direction}°", moved(picture, max(3, round(share * width)), direction)
    for share in (0.01, 0.02, 0.03, 0.04):
        yield f"unfocused by {share}", unfocused(picture, share * width)
    for pixels in (80, 60, 40, 30, 20, 15):
        yield f"enlarged from {pixels}", enlarged(picture, pixels / width)
    for factor in (0.9, 0.8, 0.7, 0.6, 0.5):
        yield f"squeezed to {factor}", squeezed(picture, factor)
    for degrees in (-60, -50, -40, -20, 20, 40, 50, 60):
        yield f"turned by {degrees}°", turned(picture, box, degrees)


def test_what_passes_is_its_owner(portrait: tuple[Picture, DetectedFace], dlib_faces: DlibFaces) -> None:
    picture, face = portrait
    (owner,) = dlib_faces.encode([face.chip])
    distances = {}
    lost = 0
    for name, spoilt in damaged(picture, face.box):
        for found in dlib_faces.detect(spoilt, min_score=0.1, limit=1):
            if passes(found):
                (encoding,) = dlib_faces.encode([found.chip])
                distances[name] = float(np.linalg.norm(encoding - owner))
            else:
                lost += 1
    assert lost >= 8  # there was something to keep out
    assert len(distances) >= 12  # and something to let in
    assert max(distances.values()) < SAME_PERSON - 0.05, distances


HOPELESS: dict[str, Callable[[Picture, Box], Picture]] = {
    "movement": lambda picture, box: moved(picture, (box[2] - box[0]) // 7, 0),
    "soft focus": lambda picture, box: unfocused(picture, 0.03 * (box[2] - box[0])),
    "a thumbnail, enlarged": lambda picture, box: enlarged(picture, 20 / (box[2] - box[0])),
    "a distant face": lambda picture, box: reduced(picture, 40 / (box[2] - box[0])),
    "a head turned away": lambda picture, box: turned(picture, box, 55),
    "a narrow picture": lambda picture, box: squeezed(picture, 0.55),
}


@pytest.mark.parametrize("damage", HOPELESS)
def test_a_face_that_is_never_clear_gives_no_person(
    damage: str, portrait: tuple[Picture, DetectedFace], settings_for: Settings, tmp_path: Path
) -> None:
    picture, face = portrait
    found = film(tmp_path, [HOPELESS[damage](picture, face.box)] * 2, settings_for)
    assert found.reason == "no faces"


def test_a_tilted_head_is_kept(
    portrait: tuple[Picture, DetectedFace], dlib_faces: DlibFaces, settings_for: Settings, tmp_path: Path
) -> None:
    picture, face = portrait
    (person,) = film(tmp_path, [tilted(picture, face.box, 25)] * 2, settings_for).faces
    assert np.linalg.norm(person.encoding - dlib_faces.encode([face.chip])[0]) < 0.3


def test_a_face_that_blurs_for_a_moment_is_one_person_shown_at_her_best(
    portrait: tuple[Picture, DetectedFace], settings_for: Settings, tmp_path: Path
) -> None:
    picture, face = portrait
    width = face.box[2] - face.box[0]
    smeared = moved(picture, round(width * 0.09), 0)
    (person,) = film(tmp_path, [smeared, picture, smeared, picture, smeared], settings_for).faces
    (clear,) = film(tmp_path, [picture], settings_for).faces
    assert person.count == 5
    assert person.quality == pytest.approx(clear.quality, abs=0.1)
    # 0.05 and 0.12 for the two people, as the films are compressed differently; with the smeared views in
    # it, 0.23 and more
    assert np.linalg.norm(person.encoding - clear.encoding) < 0.17


def film(folder: Path, seconds: list[Picture], settings_for: Settings) -> Extraction:
    """Return who is found in a video that shows each picture for a second."""
    height, width = (side // 2 * 2 for side in seconds[0].shape[:2])
    clip = write_clip(
        folder / "film.mp4",
        seconds=len(seconds),
        fps=4,
        size=(width, height),
        picture=lambda index, *_: seconds[index // 4][:height, :width],
    )
    return extract(clip, settings_for(folder))
