"""Emoji of free sets as bitmaps: fetched as npm packages, drawn once, kept in one file."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.clip.concepts import VARIATION, concepts, slug

SIDE = 72  # pixels of a kept glyph; the largest in a picture are a third larger
Bitmaps = npt.NDArray[np.uint8]
Colour = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """A set of drawings: an npm package of the Iconify project, with what ``author`` drew."""

    name: str
    version: str
    author: str
    licence: str
    held_out: bool = False
    icons: bool = False  # signs of one colour, found by what they are called

    @property
    def package(self) -> str:
        """What npm calls it."""
        return f"@iconify-json/{self.name}"


# Sets under share-alike licences are looked at in the test only: nothing of them is in the weights.
SETS = (
    GlyphSet("noto", "1.2.9", "Google", "Apache-2.0"),
    GlyphSet("noto-v1", "1.2.5", "Google", "Apache-2.0"),
    GlyphSet("fluent-emoji", "1.2.7", "Microsoft", "MIT"),
    GlyphSet("fluent-emoji-flat", "1.2.6", "Microsoft", "MIT"),
    GlyphSet("emojione", "1.2.3", "EmojiOne / EmojiTwo", "CC-BY-4.0"),
    GlyphSet("fxemoji", "1.2.2", "Mozilla", "Apache-2.0"),
    GlyphSet("streamline-emojis", "1.2.4", "Streamline", "CC-BY-4.0"),
    GlyphSet("twemoji", "1.2.5", "Twitter and contributors", "CC-BY-4.0", held_out=True),
    GlyphSet("openmoji", "1.2.29", "OpenMoji", "CC-BY-SA-4.0", held_out=True),
    # Most things newer than 2016 were drawn as emoji by two hands only, of which nobody learns what they have
    # in common. Signs are drawings by other hands.
    GlyphSet("game-icons", "1.2.4", "Lorc, Delapouite and others", "CC-BY-3.0", icons=True),
    GlyphSet("mdi", "1.2.3", "Pictogrammers", "Apache-2.0", icons=True),
    GlyphSet("icon-park", "1.2.4", "ByteDance", "Apache-2.0", icons=True),
    GlyphSet("tabler", "1.2.41", "Paweł Kuna", "MIT", icons=True),
    GlyphSet("ph", "1.2.2", "Phosphor Icons", "MIT", icons=True),
    GlyphSet("fa6-solid", "1.2.4", "Dave Gandy", "CC-BY-4.0", icons=True),
    GlyphSet("lucide", "1.2.137", "Lucide contributors", "ISC", icons=True),
    GlyphSet("lucide-lab", "1.2.3", "Lucide contributors", "ISC", icons=True),
    GlyphSet("temaki", "1.2.6", "Bryan Housel", "CC0-1.0", icons=True),
    GlyphSet("streamline-color", "1.2.2", "Streamline", "CC-BY-4.0", icons=True),
    GlyphSet("streamline-kameleon-color", "1.2.2", "Streamline", "CC-BY-4.0", icons=True),
    GlyphSet("streamline-cyber-color", "1.2.2", "Streamline", "CC-BY-4.0", icons=True),
    GlyphSet("streamline-plump-color", "1.2.2", "Streamline", "CC-BY-4.0", icons=True),
    GlyphSet("flat-color-icons", "1.2.3", "Icons8", "MIT", icons=True),
    GlyphSet("flat-ui", "1.2.3", "Designmodo", "MIT", icons=True),
)
NAMES = ("unicode-emoji-json", "0.9.0")  # what Unicode calls each emoji


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """``bitmaps`` (n, side, side, 4) RGBA, centred, the longer side filled; concept and set of each."""

    bitmaps: Bitmaps
    concept: npt.NDArray[np.int32]
    set_index: npt.NDArray[np.int32]

    def of(self, *, held_out: bool) -> Glyphs:
        """Those of the sets that are held out, or of those that are not."""
        wanted = [i for i, each in enumerate(SETS) if each.held_out == held_out]
        return self.only(np.isin(self.set_index, wanted))

    def only(self, chosen: npt.NDArray[np.bool_]) -> Glyphs:
        """Those that are chosen."""
        return Glyphs(self.bitmaps[chosen], self.concept[chosen], self.set_index[chosen])


def fetch(folder: Path) -> None:
    """Download the packages into ``folder`` with npm, once.

    Raises:
        SystemExit: npm is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in [*((each.package, each.version) for each in SETS), NAMES]:
        target = folder / name.rpartition("/")[2]
        if target.is_dir():
            continue
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
        try:
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"npm could not fetch {name} {version}: {error}; install npm") from error
        archive = folder / done.stdout.strip().splitlines()[-1]
        with tarfile.open(archive) as packed:
            packed.extractall(target, filter="data")
        archive.unlink()


def draw(folder: Path, side: int = SIDE) -> Glyphs:
    """Draw what the packages in ``folder`` have for each concept."""
    names = json.loads((folder / NAMES[0] / "package/data-by-emoji.json").read_text(encoding="utf-8"))
    titles = {emoji.replace(VARIATION, ""): str(entry["name"]) for emoji, entry in names.items()}
    bitmaps: list[Bitmaps] = []
    owner, source = [], []
    colours: dict[int, list[int]] = defaultdict(list)
    for index, glyph_set in enumerate(SETS):
        place = folder / glyph_set.name / "package"
        icons = json.loads((place / "icons.json").read_text(encoding="utf-8"))
        by_code = _by_code(place)
        if glyph_set.icons:
            for number, sign in called(icons).items():
                bitmap = _raster(icons, sign, side)
                if bitmap is not None:
                    like = [bitmaps[n] for n in colours[number]]
                    bitmaps.append(painted(bitmap, like, seed=len(bitmaps)))
                    owner.append(number)
                    source.append(index)
            continue
        for number, concept in enumerate(concepts()):
            for emoji in concept.glyphs:
                icon = _find(icons, by_code, emoji, titles.get(emoji, ""))
                bitmap = None if icon is None else _raster(icons, icon, side)
                if bitmap is not None:
                    if not glyph_set.held_out:
                        colours[number].append(len(bitmaps))
                    bitmaps.append(bitmap)
                    owner.append(number)
                    source.append(index)
    return Glyphs(np.stack(bitmaps), np.asarray(owner, np.int32), np.asarray(source, np.int32))


def _by_code(place: Path) -> dict[str, str]:
    path = place / "chars.json"
    if not path.is_file():
        return {}
    return {
        code.replace("-fe0f", ""): str(name)
        for code, name in json.loads(path.read_text(encoding="utf-8")).items()
    }


def _find(icons: Mapping[str, Any], by_code: Mapping[str, str], emoji: str, name: str) -> str | None:
    """The icon of an emoji: by its code where the set tells, else by one of its names."""
    listed = by_code.get("-".join(f"{ord(character):x}" for character in emoji))
    old = unicodedata.name(emoji, "") if len(emoji) == 1 else ""
    slugs = [slug(each) for each in (name, old) if each]
    if name.startswith("flag: "):
        slugs.append(f"flag-for-{slug(name[6:])}")
    # Firefox OS runs the words together; some sets call an animal's face by the animal alone.
    wanted = [listed, *slugs, *(each.replace("-", "") for each in slugs)]
    wanted += [each.removesuffix("-face") for each in slugs if each.endswith("-face")]
    for candidate in wanted:
        if candidate and (candidate in icons["icons"] or candidate in icons.get("aliases", {})):
            return candidate
    return None


# Groups and words by which sets of signs have something else.
_UNLIKE = frozenset({"signs", "numbers", "shapes", "faces"})
_OTHERWISE = frozenset((
    "bat", "bolt", "bubble", "bubbles", "chip", "chips", "crane", "cricket", "dislike", "fan", "football",
    "goal", "lift", "like", "log", "mouse", "nut", "phone", "pie", "pool", "question", "ram", "rock", "scale",
    "seal", "spade", "steam", "stop", "theater", "turkey", "wave", "wrap",
))  # fmt: skip
_MANNER = re.compile(r"(-(\d+|duotone|fill|filled|flat|bold|solid))+$")


def called(icons: Mapping[str, Any]) -> dict[int, str]:
    """The icon of each concept that has one by any of its names, numbered or in the plural as well."""
    by_name: dict[str, set[int]] = {}
    for number, concept in enumerate(concepts()):
        if concept.group not in _UNLIKE:
            for name in concept.names:
                by_name.setdefault(slug(name), set()).add(number)
    found: dict[int, str] = {}
    # The filled ones first: of what is drawn in lines, less is left in few pixels.
    order = sorted(icons["icons"], key=lambda name: (not re.search("-(fill|filled)$", name), len(name), name))
    for icon in order:
        plain = _MANNER.sub("", icon)
        if plain in _OTHERWISE:
            continue
        for candidate in (plain, plain.removesuffix("s"), plain + "s"):
            numbers = by_name.get(candidate, set())
            if len(numbers) == 1:
                found.setdefault(next(iter(numbers)), icon)
    return found


def painted(bitmap: Bitmaps, like: Sequence[Bitmaps], seed: int) -> Bitmaps:
    """A sign of one colour in those of a drawing ``like`` it, and filled where its lines enclose something.

    One that has colours already is left as it is.
    """
    import cv2

    rng = np.random.default_rng([seed, 11])
    alpha = bitmap[..., 3]
    seen = bitmap[alpha > 128][:, :3]
    if not len(seen) or np.ptp(seen.astype(int), axis=0).max() > 40:
        return bitmap
    whole = np.pad((alpha > 80).astype(np.uint8), 1)
    cv2.floodFill(whole, None, (0, 0), 2)  # what can be reached from outside
    whole = whole[1:-1, 1:-1] != 2
    first, second = _palette(rng, like)
    ink: npt.NDArray[Any]
    if (alpha > 128).sum() > 0.5 * whole.sum():  # a solid with holes
        ink, fill = first, second if rng.random() < 0.6 else np.full(3, 245)
    else:
        ink, fill = (second if rng.random() < 0.5 else rng.integers(0, 70, 3)), first
    if np.abs(ink - fill).sum() < 150:  # or nothing of what is drawn inside would be seen
        ink = ink * 0.4
    share = alpha[..., None] / 255
    new = np.empty_like(bitmap)
    new[..., :3] = np.clip(share * ink + (1 - share) * fill, 0, 255)
    # As smooth at its edge as the sign was.
    inner = cv2.GaussianBlur(whole.astype(np.float32), (0, 0), 0.6)
    new[..., 3] = np.maximum(alpha, (255 * np.clip(2 * inner - 1, 0, 1)).astype(np.uint8))
    return new


def _palette(rng: np.random.Generator, like: Sequence[Bitmaps]) -> tuple[Colour, Colour]:
    """The colour that one of the drawings has most of, and one more of it; any two if there is none."""
    if not like:
        return rng.integers(0, 256, 3), rng.integers(0, 256, 3)
    drawing = like[int(rng.integers(len(like)))]
    rough, count = np.unique(drawing[drawing[..., 3] > 200][:, :3] // 40, axis=0, return_counts=True)
    few = np.minimum(rough[np.argsort(-count)][:4].astype(np.int64) * 40 + 20, 255)
    return few[0], few[min(len(few) - 1, 1 + int(rng.integers(3)))]


def _raster(icons: Mapping[str, Any], name: str, side: int) -> Bitmaps | None:
    """One icon as (side, side, 4) RGBA, cropped to its ink and centred."""
    import resvg_py
    from PIL import Image

    alias = icons.get("aliases", {}).get(name, {})
    while name not in icons["icons"]:
        name = str(alias["parent"])
        alias = icons.get("aliases", {}).get(name, {})
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" width="{2 * side}" height="{2 * side}">{icon["body"]}</svg>'
    )
    drawn = resvg_py.svg_to_bytes(svg_string=svg, width=2 * side, height=2 * side)
    picture = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
    box = picture.getbbox()
    if box is None:
        return None
    picture = picture.crop(box)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    canvas.paste(picture, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)


def save(glyphs: Glyphs, path: Path) -> None:
    """Keep them in one file."""
    np.savez(path, bitmaps=glyphs.bitmaps, concept=glyphs.concept, set_index=glyphs.set_index)


def load(path: Path) -> Glyphs:
    """Read what :func:`save` wrote."""
    with np.load(path) as kept:
        return Glyphs(kept["bitmaps"], kept["concept"], kept["set_index"])
