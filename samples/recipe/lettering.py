"""Text over the picture: fonts, layout, motion, and the time in which all of it can be read."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw, ImageFont

from samples.recipe.spec import HEIGHT, WIDTH, Text

FONTS = {  # name: file; the Debian packages are named in samples/README.md
    "dejavu-bold": "DejaVuSans-Bold.ttf",
    "dejavu-condensed": "DejaVuSansCondensed-Bold.ttf",
    "dejavu-serif": "DejaVuSerif-Bold.ttf",
    "liberation-bold": "LiberationSans-Bold.ttf",
    "liberation-narrow": "LiberationSansNarrow-Bold.ttf",
    "liberation-serif": "LiberationSerif-Bold.ttf",
    "liberation-mono": "LiberationMono-Bold.ttf",
    "roboto-black": "Roboto-Black.ttf",
    "roboto-medium": "Roboto-Medium.ttf",
    "roboto-condensed": "RobotoCondensed-Bold.ttf",
    "comfortaa": "Comfortaa-Bold.ttf",
    "pt-sans": "PTS75F.ttf",
    "pt-serif": "PTF75F.ttf",
    "lobster": "lobster.otf",
    "emoji": "NotoColorEmoji.ttf",
}
EMOJI_SIZE = 109  # the one size that the bitmaps of Noto Color Emoji have

_folders: list[Path] = [Path("/usr/share/fonts")]

FADE = 0.25  # seconds
SLIDE = 0.4  # seconds
POP = 0.25  # seconds


def look_in(folder: Path) -> None:
    """Look for fonts in this folder too, before the system's."""
    _folders.insert(0, folder)


@cache
def _file(name: str) -> Path:
    for folder in _folders:
        for path in sorted(folder.rglob(FONTS[name])):
            return path
    raise SystemExit(
        f"the font {FONTS[name]} is not installed: install the Debian packages named in samples/README.md, "
        "or unpack them and name the folder with --fonts"
    )


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of :data:`FONTS` at a size in pixels."""
    return ImageFont.truetype(str(_file(name)), size)


@cache
def emoji(character: str, size: int) -> Image.Image:
    """An emoji as an RGBA image, ``size`` pixels wide."""
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    draw.text((80, 80), character, font=font("emoji", EMOJI_SIZE), embedded_color=True, anchor="mm")
    glyph = canvas.crop(canvas.getbbox())
    return glyph.resize((size, round(size * glyph.height / glyph.width)), Image.Resampling.LANCZOS)


def rows(text: Text) -> list[str]:
    """The rows that a text is wrapped into; a line break in it is kept."""
    face = font(text.font, text.size)
    if text.motion == "crawl":
        return [text.text]
    result: list[str] = []
    for paragraph in text.text.split("\n"):
        row = ""
        for word in paragraph.split():
            longer = f"{row} {word}".strip()
            if row and face.getlength(longer) > text.width:
                result.append(row)
                row = word
            else:
                row = longer
        result.append(row)
    widest = max(face.getlength(row) for row in result)
    if widest > text.width:
        raise ValueError(f"a word of {text.text!r} is wider than {text.width} pixels: take a smaller size")
    return result


@cache
def block(text: Text, letters: int | None = None) -> Image.Image:
    """The text as an RGBA image, its rows centred; only the first ``letters`` of it are drawn if given."""
    face = font(text.font, text.size)
    lines = rows(text)
    pad = text.outline_width + (11 if text.box else 3)
    step = round(text.size * 1.22) + (6 if text.box else 0)
    width = math.ceil(max(face.getlength(line) for line in lines)) + 2 * pad
    image = Image.new("RGBA", (width, step * len(lines) + 2 * pad), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    left_over = letters
    middle = [pad + step * i + step / 2 for i in range(len(lines))]
    starts = [(width - face.getlength(line)) / 2 for line in lines]
    if text.box:
        for line, x, y in zip(lines, starts, middle, strict=True):
            frame = (x - 10, y - step / 2 - 2, x + face.getlength(line) + 10, y + step / 2 + 2)
            draw.rounded_rectangle(frame, 9, fill=ImageColor.getrgb(text.box))
    for line, x, y in zip(lines, starts, middle, strict=True):
        shown = line
        if left_over is not None:
            shown, left_over = line[:left_over], max(left_over - len(line), 0)
        stroke = text.outline_width if text.outline else 0
        # "ls": rows sit on a common baseline whatever letters they have
        place = (x, y + text.size * 0.355)
        draw.text(
            place,
            shown,
            font=face,
            fill=text.fill,
            stroke_width=stroke,
            stroke_fill=text.outline,
            anchor="ls",
        )
    if text.tilt:
        image = image.rotate(text.tilt, Image.Resampling.BICUBIC, expand=True)
    return image


def _typing(text: Text) -> float:
    """Seconds in which the typewriter is done."""
    return min(len(text.text) / 16, 0.5 * (text.end - text.start))


def frame_box(text: Text) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels, at rest."""
    image = block(text)
    x, y = (WIDTH - image.width) / 2, text.y * HEIGHT - image.height / 2
    return x, y, x + image.width, y + image.height


def legible(text: Text) -> tuple[float, float] | None:
    """From when until when the whole text stands in the frame at full strength; ``None``: never."""
    image, start, end = block(text), text.start, text.end
    if text.motion == "crawl":
        if image.width > WIDTH:
            return None
        pace = (WIDTH + image.width) / (end - start)
        return start + image.width / pace, start + WIDTH / pace
    if text.motion == "scroll":
        pace = (HEIGHT + image.height) / (end - start)
        return start + image.height / pace, start + HEIGHT / pace
    before = {"cut": 0.0, "fade": FADE, "bob": FADE, "pop": POP, "type": _typing(text)}.get(
        text.motion, SLIDE
    )
    after = 0.0 if text.motion in {"cut", "pop", "type"} else FADE
    return start + before, end - after


def _alpha(image: Image.Image, strength: float) -> Image.Image:
    if strength >= 1:
        return image
    faded = image.copy()
    faded.putalpha(image.getchannel("A").point(lambda v: int(v * strength)))
    return faded


def draw(canvas: Image.Image, text: Text, t: float) -> None:
    """Lay the text over ``canvas`` as it stands at the time ``t``, if it is shown then."""
    if not text.start <= t < text.end:
        return
    since, left, total = t - text.start, text.end - t, text.end - text.start
    image = block(text)
    x, y = (WIDTH - image.width) / 2, text.y * HEIGHT - image.height / 2
    strength = 1.0
    if text.motion == "crawl":
        x = WIDTH - (WIDTH + image.width) * since / total
    elif text.motion == "scroll":
        y = HEIGHT - (HEIGHT + image.height) * since / total
    elif text.motion == "type":
        image = block(text, math.ceil(len(text.text) * min(since / _typing(text), 1)))
    elif text.motion == "pop":
        if since < POP:
            k = 0.55 + 0.45 * since / POP
            small = (max(round(image.width * k), 1), max(round(image.height * k), 1))
            x, y = x + (image.width - small[0]) / 2, y + (image.height - small[1]) / 2
            image = image.resize(small, Image.Resampling.BILINEAR)
    elif text.motion in {"left", "right", "up"}:
        rest = (1 - min(since / SLIDE, 1)) ** 3
        x += {"left": -WIDTH, "right": WIDTH, "up": 0}[text.motion] * rest
        y += HEIGHT * rest * (text.motion == "up")
        strength = min(left / FADE, 1)
    elif text.motion in {"fade", "bob"}:
        strength = min(since / FADE, left / FADE, 1)
        y += 7 * math.sin(2.4 * since) * (text.motion == "bob")
    canvas.paste(image, (round(x), round(y)), _alpha(image, max(strength, 0)))
