"""Photographs in the public domain or under CC0, taken out of the packages that ship them."""

from __future__ import annotations

from functools import cache

from PIL import Image

PEOPLE = {"eileen-collins": "Eileen Collins", "grace-hopper": "Grace Hopper"}


@cache
def load(name: str) -> Image.Image:
    """A photograph as an RGB image; ``name`` is a person's id or a picture of scikit-image."""
    if name == "grace-hopper":
        from matplotlib.cbook import get_sample_data

        return Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")
    import skimage.data

    picture = getattr(skimage.data, "astronaut" if name == "eileen-collins" else name)()
    return Image.fromarray(picture).convert("RGB")


def view(
    picture: Image.Image,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    share: float,
    size: tuple[int, int],
) -> Image.Image:
    """What the camera sees at ``share`` (0…1) of its way between two views, at the given size.

    A view is (centre x, centre y, width) in pixels of the photograph; it is moved inside where it would
    leave the photograph.
    """
    s = min(max(share, 0.0), 1.0)
    s = s * s * (3 - 2 * s)  # starts and stops gently
    cx, cy, w = (a + (b - a) * s for a, b in zip(start, end, strict=True))
    w = min(w, picture.width, picture.height * size[0] / size[1])
    h = w * size[1] / size[0]
    x = min(max(cx - w / 2, 0), picture.width - w)
    y = min(max(cy - h / 2, 0), picture.height - h)
    k = w / size[0]
    how = Image.Resampling.BICUBIC
    return picture.transform(size, Image.Transform.AFFINE, (k, 0, x, 0, k, y), how)
