"""A picture of themes: each video a point, close to those that it is like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kadr.cli.failure import CommandError

if TYPE_CHECKING:
    from kadr.runtime.themes import Found

# t-SNE of so many takes some ten seconds; more points than that are a cloud.
_MOST_POINTS = 2_000
_MOST_NAMES = 24


def draw(found: Found, file: Path) -> None:
    """Draw the videos of the sample and their themes into ``file``, by t-SNE of what themes are found in.

    Raises:
        CommandError: the packages for it are not installed, or there are too few videos.
    """
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise CommandError(
            f"A picture needs more packages ({error}). Install them with `pip install -e .[cluster,plot]`."
        ) from error
    import numpy as np

    from kadr.core.themes import centred, reduced

    rows = reduced(centred(found.sample.rows, found.centre))[:_MOST_POINTS]
    if len(rows) < 5:
        raise CommandError("There are too few videos to draw a picture of.")
    mapped = TSNE(
        n_components=2, perplexity=min(30, (len(rows) - 1) / 3), init="pca", random_state=0
    ).fit_transform(rows)
    themes = [None if each is None else each.theme_id for each in found.assigned[: len(rows)]]
    figure, axes = pyplot.subplots(figsize=(11, 7), layout="constrained")
    outside = np.array([each is None for each in themes])
    axes.scatter(mapped[outside, 0], mapped[outside, 1], s=14, c="#bbbbbb", label="no theme", linewidths=0)
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, theme in enumerate(found.themes):
        own = np.array([each == theme.theme_id for each in themes])
        if not own.any():
            continue
        colour = colours[number % len(colours)]
        axes.scatter(
            mapped[own, 0],
            mapped[own, 1],
            s=26,
            color=colour,
            marker="os^Dv"[number // len(colours) % 5],
            label=_short(theme.name) if number < _MOST_NAMES else None,
            linewidths=0,
        )
        if number < _MOST_NAMES:
            axes.annotate(
                _short(theme.name),
                np.median(mapped[own], axis=0),
                fontsize=8,
                ha="center",
                va="bottom",
                bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
            )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{len(found.themes)} themes, {len(rows)} videos")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def _short(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "…"
