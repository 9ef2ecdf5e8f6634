"""dlib: where faces are, and whose.

dlib is used directly: the package ``face_recognition`` loads the 68-point landmark model when it is
imported, and that one may not be used commercially (ADR 0005).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import WeightsRefusedError
from kadr.core.extraction import Vector
from kadr.models.registry import InstalledModel

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

CHIP = 150  # pixels; what the encoder was trained on
_MARGIN = 0.25  # of the face, around it; likewise
_AROUND = 0.75  # of a face's width, on each side of where it was
_FOLLOWED = 110  # pixels of a face's width when it is looked for again: above the detector's 80


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face in one picture."""

    box: Box  # left, top, right, bottom in pixels; may reach beyond the picture
    score: float  # of the detector: above 0, usually 0.5 to 2 for a face, below 0.4 for anything else
    chip: Image  # (150, 150, 3) RGB, turned upright and scaled
    eyes: float  # pixels between the middles of the eyes
    nose_along: float  # where the base of the nose is between the eyes, 0 at one, 1 at the other
    nose_down: float  # its distance from the line between the eyes, in units of theirs


class DlibFaces:
    """HOG detector, 5-point landmarks and the ResNet encoder. Loads on first use; thread-safe.

    ``encode`` gives 128 numbers per face; two pictures of one person are usually less than 0.6 apart.
    """

    dimensions = 128

    def __init__(self, model: InstalledModel) -> None:
        self._model = model
        self.model_version = model.version
        self._lock = threading.Lock()
        self._detector: Any = None
        self._landmarks: Any = None
        self._encoder: Any = None

    def load(self) -> None:
        """Load the three models unless that has been done.

        Raises:
            WeightsUnavailableError, WeightsRefusedError: as :meth:`InstalledModel.file`.
        """
        import dlib

        with self._lock:
            if self._encoder is not None:
                return
            landmarks = self._model.file("shape_predictor_5_face_landmarks.dat")
            encoder = self._model.file("dlib_face_recognition_resnet_model_v1.dat")
            try:
                self._landmarks = dlib.shape_predictor(str(landmarks))
                self._encoder = dlib.face_recognition_model_v1(str(encoder))
            except RuntimeError as error:
                raise WeightsRefusedError(f"dlib cannot load {landmarks.parent}: {error}") from error
            self._detector = dlib.get_frontal_face_detector()

    def detect(self, image: Image, *, min_score: float = 0.0, limit: int = 16) -> list[DetectedFace]:
        """Return the faces of an RGB picture (h, w, 3), the largest first.

        Faces below about 70 pixels are not found: the detector's window is 80 pixels wide. A picture of
        540 × 960 takes 0.04 to 0.06 s.
        """
        self.load()
        image = np.ascontiguousarray(image)
        with self._lock:
            found = [(box, float(score)) for box, score in self._run(image, min_score)]
            found.sort(key=lambda pair: -pair[0].area())
            return [self._face(image, box, score) for box, score in found[:limit]]

    def follow(self, image: Image, boxes: Sequence[Box], *, min_score: float = 0.0) -> list[DetectedFace]:
        """Return the faces near ``boxes``, where faces were a moment ago; at most one for each.

        Looked at is what surrounds a box by three quarters of its width, reduced so that the face is about
        110 pixels wide: an eighth of the work of :meth:`detect`, or less.
        """
        import dlib

        self.load()
        image = np.ascontiguousarray(image)
        faces: list[DetectedFace] = []
        with self._lock:
            for box in boxes:
                piece, left, top, scale = _surroundings(image, box)
                found = self._run(piece, min_score)
                if not found:
                    continue
                inner, score = max(found, key=lambda pair: pair[1])
                whole = dlib.rectangle(
                    round(inner.left() / scale) + left,
                    round(inner.top() / scale) + top,
                    round(inner.right() / scale) + left,
                    round(inner.bottom() / scale) + top,
                )
                middle = whole.center()
                if any(_within(middle.x, middle.y, face.box) for face in faces):
                    continue  # the neighbour's
                faces.append(self._face(image, whole, float(score)))
        return faces

    def _run(self, image: Image, min_score: float) -> list[tuple[Any, float]]:
        boxes, scores, _ = self._detector.run(image, 0, min_score)
        return list(zip(boxes, scores, strict=True))

    def _face(self, image: Image, box: Any, score: float) -> DetectedFace:
        import dlib

        shape = self._landmarks(image, box)
        eyes, along, down = _pose(np.array([(part.x, part.y) for part in shape.parts()], float))
        return DetectedFace(
            box=(box.left(), box.top(), box.right(), box.bottom()),
            score=score,
            chip=dlib.get_face_chip(image, shape, size=CHIP, padding=_MARGIN),
            eyes=eyes,
            nose_along=along,
            nose_down=down,
        )

    def encode(self, chips: Sequence[Image]) -> Vector:
        """Return (len(chips), 128). About 0.1 s each on one core: encode no more than is needed."""
        if not chips:
            return np.zeros((0, self.dimensions), np.float32)
        self.load()
        with self._lock:
            encoded = self._encoder.compute_face_descriptor([np.ascontiguousarray(chip) for chip in chips])
        return np.asarray(encoded, dtype=np.float32)


def _pose(points: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the distance of the eyes, and where the nose is along and below the line between them.

    ``points``: two corners of one eye, two of the other, the base of the nose.
    """
    one, other, nose = points[0:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    between, aim = other - one, nose - one
    square = float(between @ between)
    if square == 0:
        return 0.0, 0.0, float("inf")
    along = float(aim @ between) / square
    down = abs(float(between[0] * aim[1] - between[1] * aim[0])) / square
    return square**0.5, along, down


def _surroundings(image: Image, box: Box) -> tuple[Image, int, int, float]:
    """Return the picture around a box, its place, and by how much it was scaled."""
    from PIL import Image as Pillow

    left, top, right, bottom = box
    margin = round((right - left) * _AROUND)
    height, width = image.shape[:2]
    left, top = max(0, left - margin), max(0, top - margin)
    piece = image[top : min(height, bottom + margin), left : min(width, right + margin)]
    scale = min(1.0, _FOLLOWED / (box[2] - box[0]))
    if scale < 1.0:
        size = (max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale)))
        piece = np.asarray(Pillow.fromarray(piece).resize(size, Pillow.Resampling.BILINEAR))
    return np.ascontiguousarray(piece), left, top, scale


def _within(x: int, y: int, box: Box) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
