"""Who appears, as the reference system does it: every face of a few frames found at full size and encoded."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_EVERY = 4  # seconds between frames
_UPSAMPLED = 1  # times that the detector doubles the frame, the default of the library it uses


def recognise(clip: Path) -> float:
    """Return the seconds that it takes to encode every face of ``clip``; loading the models is not counted.

    The method as it is described: a frame every four seconds, sought with OpenCV; dlib's HOG detector on the
    whole frame, doubled once; an encoding of each face that it finds. Landmarks are the five points of the
    model that may be used by anybody, not the 68 of the original: they cost less, which is in its favour.
    """
    _models()
    begun = time.perf_counter()
    encodings(clip)
    return time.perf_counter() - begun


def encodings(clip: Path) -> np.ndarray:
    """Return (faces, 128), in order of time."""
    import cv2

    detector, landmarks, encoder = _models()
    video = cv2.VideoCapture(str(clip))
    found: list[np.ndarray] = []
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        seconds = video.get(cv2.CAP_PROP_FRAME_COUNT) / rate
        for second in np.arange(0, seconds, _EVERY)[: max(1, int(seconds // _EVERY))]:
            video.set(cv2.CAP_PROP_POS_FRAMES, int(second * rate))
            read, image = video.read()
            if not read:
                continue
            picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            shapes = [landmarks(picture, box) for box in detector(picture, _UPSAMPLED)]
            found += [np.array(encoder.compute_face_descriptor(picture, shape, 1)) for shape in shapes]
    finally:
        video.release()
    return np.stack(found) if found else np.zeros((0, 128))


@cache
def _models() -> tuple[Any, Any, Any]:
    import dlib

    from bench.installed import MODELS
    from kadr.models.registry import require

    model = require("faces", MODELS)
    return (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(model.file("shape_predictor_5_face_landmarks.dat"))),
        dlib.face_recognition_model_v1(str(model.file("dlib_face_recognition_resnet_model_v1.dat"))),
    )
