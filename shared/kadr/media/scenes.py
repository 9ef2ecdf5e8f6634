"""Visible changes between frames: cuts, and text that appears, cheaply.

Two signs on a coarse grid of cells: their mean brightness (a cut changes most of them) and the share of
strong edges in each (an overlay changes a few of them a lot, whatever moves behind it). Both are
compared with their own recent past, so that a restless picture does not count as one long change.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_INTERVAL = 0.2  # seconds between frames that are looked at
_SETTLE = 0.7  # seconds after which a change that goes on is taken as it stands
_ROWS, _COLUMNS = 16, 10  # cells
_EDGE = 40  # of 255: brighter than film grain and compression noise, fainter than the outline of a letter
_CUT = 14.0  # of 255: mean change of the cells' brightness
_OVERLAY = 0.10  # change of a cell's share of edge pixels: a word covers a tenth of it at the least
_CELLS = 2  # cells that an overlay changes at the least
_RESTLESS = 2.5  # a change must exceed its recent mean by this factor


class ChangeDetector:
    """Finds the first settled frame after each change. Feed it frames in order of time."""

    def __init__(self) -> None:
        self.pending = False  # a change began, and has not settled yet
        self._since = 0.0
        self._looked = -1e9
        self._cells: npt.NDArray[np.float32] | None = None
        self._edges: npt.NDArray[np.float32] | None = None
        self._usual_cut = 0.0
        self._usual_overlay = 0.0

    def settled(self, time: float, frame: Any) -> bool:
        """Whether ``frame`` (of PyAV) at ``time`` seconds is the first settled one after a change."""
        if time - self._looked < _INTERVAL:
            return False
        self._looked = time
        cells, edges = _signs(_luma(frame))
        if self._cells is None or self._edges is None or self._cells.shape != cells.shape:
            self._cells, self._edges = cells, edges
            return False
        cut = float(np.abs(cells - self._cells).mean())
        overlay = float((np.abs(edges - self._edges) > _OVERLAY).sum())
        self._cells, self._edges = cells, edges
        changed = (cut > _CUT and cut > _RESTLESS * self._usual_cut) or (
            overlay >= _CELLS and overlay > _RESTLESS * self._usual_overlay
        )
        self._usual_cut += 0.2 * (cut - self._usual_cut)
        self._usual_overlay += 0.2 * (overlay - self._usual_overlay)
        if changed and not self.pending:
            self.pending, self._since = True, time
            return False
        if self.pending and (not changed or time - self._since >= _SETTLE):
            self.pending = False
            return True
        return False


def _luma(frame: Any) -> npt.NDArray[np.uint8]:
    """Return the brightness of a frame, thinned to about 200 pixels across."""
    step = max(1, min(frame.width, frame.height) // 200)
    form = frame.format
    if form.is_planar and not form.is_rgb and form.components[0].bits == 8:
        plane = frame.planes[0]
        image = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    else:
        image = frame.reformat(format="gray").to_ndarray()
    return image[::step, ::step]


def _signs(luma: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the mean brightness and the share of edge pixels of each cell."""
    rows, columns = min(_ROWS, luma.shape[0]), min(_COLUMNS, luma.shape[1])
    height, width = luma.shape[0] // rows * rows, luma.shape[1] // columns * columns
    picture = luma[:height, :width].astype(np.int16)
    edges = np.zeros(picture.shape, bool)
    edges[:, 1:] = np.abs(np.diff(picture, axis=1)) > _EDGE
    shape = (rows, height // rows, columns, width // columns)
    means = picture.reshape(shape).mean(axis=(1, 3), dtype=np.float32)
    shares = edges.reshape(shape).mean(axis=(1, 3), dtype=np.float32)
    return means, shares
