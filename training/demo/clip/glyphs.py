"""Emoji of free sets as bitmaps: fetched as npm packages, drawn once, kept in one file."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.clip.concepts import VARIATION, concepts, slug

SIDE = 72  # pixels of a kept glyph; in a picture of 64 pixels it is never larger than that
Bitmaps = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """A set of emoji: an npm package of the Iconify project with the drawings of ``author``."""

    name: str
    version: str
    author: str
    licence: str
    held_out: bool = False

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
    called = {emoji.replace(VARIATION, ""): str(entry["name"]) for emoji, entry in names.items()}
    bitmaps, owner, source = [], [], []
    for index, glyph_set in enumerate(SETS):
        place = folder / glyph_set.name / "package"
        icons = json.loads((place / "icons.json").read_text(encoding="utf-8"))
        by_code = _by_code(place)
        for number, concept in enumerate(concepts()):
            for emoji in concept.glyphs:
                icon = _find(icons, by_code, emoji, called.get(emoji, ""))
                if icon is not None:
                    bitmaps.append(_raster(icons, icon, side))
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


def _raster(icons: Mapping[str, Any], name: str, side: int) -> Bitmaps:
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
    picture = picture.crop(picture.getbbox())
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
