"""Which of a role's installed variants is used: chosen by a person, and taken back if it was a mistake.

Without a choice the catalogue's order decides. Choices are kept in ``<models>/<role>/active.json``, the
newest last, so that every one of them can be undone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError

ACTIVE = "active.json"
_REMEMBERED = 20  # choices


def chosen(role: str, models_dir: Path) -> tuple[str, ...]:
    """Return the variants that were chosen for a role, the one to use last; none where nobody chose.

    Raises:
        WeightsRefusedError: the file is damaged.
    """
    path = models_dir / role / ACTIVE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["chosen"]
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsRefusedError(
            f"{path} is damaged; remove it, and the catalogue's order decides again: {error}"
        ) from error
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise WeightsRefusedError(f"{path} is damaged; remove it, and the catalogue's order decides again")
    return tuple(found)


def choose(role: str, variant: str, models_dir: Path, *, there: Sequence[str]) -> None:
    """Use a variant from now on. ``there`` are those that are installed.

    Raises:
        WeightsUnavailableError: it is not among them.
        WeightsRefusedError: as :func:`chosen`.
    """
    if variant not in there:
        raise WeightsUnavailableError(
            role, f"{role}/{variant} is not installed; installed are: {', '.join(there) or 'none'}"
        )
    before = chosen(role, models_dir)
    if before[-1:] != (variant,):
        _write(role, (*before, variant)[-_REMEMBERED:], models_dir)


def take_back(role: str, models_dir: Path) -> str:
    """Undo the last choice; return the variant that was chosen before, or "" where the order decides again.

    Raises:
        WeightsUnavailableError: there is no choice to undo.
        WeightsRefusedError: as :func:`chosen`.
    """
    before = chosen(role, models_dir)
    if not before:
        raise WeightsUnavailableError(role, f"no variant of {role} was chosen: there is nothing to take back")
    _write(role, before[:-1], models_dir)
    return before[-2] if len(before) > 1 else ""


def _write(role: str, variants: Sequence[str], models_dir: Path) -> None:
    """Replace the file at once: whoever reads it meanwhile sees the old choice or the new one."""
    folder = models_dir / role
    if not variants:
        (folder / ACTIVE).unlink(missing_ok=True)
        return
    with NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=f".{ACTIVE}.", delete=False) as part:
        json.dump({"chosen": list(variants)}, part, indent=1)
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).chmod(0o644)
    Path(part.name).replace(folder / ACTIVE)
