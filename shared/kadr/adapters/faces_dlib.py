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

CHIP = 150  # pixels; what the encoder was trained on
_MARGIN = 0.25  # of the face, around it; likewise


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face in one picture."""

    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels; may reach beyond the picture
    score: float  # of the detector: above 0, usually 0.5 to 2 for a face, below 0.2 for anything else
    chip: Image  # (150, 150, 3) RGB, turned upright and scaled
    frontal: float  # 0 in profile … 1 straight into the camera


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

        Faces below about 70 pixels are not found: the detector's window is 80 pixels wide.
        """
        import dlib

        self.load()
        image = np.ascontiguousarray(image)
        with self._lock:
            boxes, scores, _ = self._detector.run(image, 0, min_score)
            found = sorted(zip(boxes, scores, strict=True), key=lambda pair: -pair[0].area())[:limit]
            faces = []
            for box, score in found:
                shape = self._landmarks(image, box)
                faces.append(
                    DetectedFace(
                        box=(box.left(), box.top(), box.right(), box.bottom()),
                        score=float(score),
                        chip=dlib.get_face_chip(image, shape, size=CHIP, padding=_MARGIN),
                        frontal=_frontal(np.array([(part.x, part.y) for part in shape.parts()], float)),
                    )
                )
        return faces

    def encode(self, chips: Sequence[Image]) -> Vector:
        """Return (len(chips), 128). About 0.1 s each on one core: encode no more than is needed."""
        if not chips:
            return np.zeros((0, self.dimensions), np.float32)
        self.load()
        with self._lock:
            encoded = self._encoder.compute_face_descriptor([np.ascontiguousarray(chip) for chip in chips])
        return np.asarray(encoded, dtype=np.float32)


def _frontal(points: npt.NDArray[np.float64]) -> float:
    """How far the nose is from the middle between the eyes, as 0…1.

    ``points``: two corners of one eye, two of the other, the base of the nose.
    """
    one, other, nose = points[0:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    between = other - one
    length = float(between @ between)
    if length == 0:
        return 0.0
    # 0 at one eye, 1 at the other; ½ is straight ahead
    along = float((nose - one) @ between) / length
    return float(np.clip(1 - 2 * abs(along - 0.5), 0, 1))
