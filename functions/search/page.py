"""The search page, where this function serves it: its files as they lie in ``page_dir``.

On AWS they lie in a bucket behind CloudFront, and ``page_dir`` is not set.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response

from functions.search.services import Injected, Services
from kadr.core import page as rules


def register(app: FastAPI) -> None:
    """Add the page's routes; they are no part of the API's description."""
    places = [f"/{name}" for name in ("", *rules.ROOT_FILES)]
    places += [f"/{folder}/{{path:path}}" for folder in rules.FOLDERS]
    for place in places:
        app.add_api_route(place, file, methods=["GET", "HEAD"], include_in_schema=False)


def file(here: Injected, request: Request) -> Response:
    """Return a file of the page, or say that the browser's copy is still the one."""
    # The path is decoded once by now; once more would make a slash of %252F.
    path = str(request.scope["path"]).removeprefix("/") or rules.INDEX
    kind = rules.content_type(path)
    content = None if kind is None else _read(here.settings.page_dir, path)
    if content is None:
        raise HTTPException(404, "there is nothing here")
    # Weak: what is compressed on the way has other bytes and the same meaning.
    tag = f'W/"{sha256(content).hexdigest()[:32]}"'
    headers = {
        **rules.HEADERS,
        "Content-Security-Policy": rules.content_security_policy(_storage(here)),
        "Cache-Control": rules.cache_control(path),
        "ETag": tag,
    }
    if _known(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers | {"Content-Type": str(kind)})


def _read(folder: Path | None, path: str) -> bytes | None:
    """Return what lies at ``path`` in the folder itself; ``None``: nothing, or a link to somewhere else."""
    if folder is None:
        return None
    root = folder.resolve()
    try:
        found = (root / path).resolve(strict=True)
        return found.read_bytes() if found.is_relative_to(root) and found.is_file() else None
    except OSError:  # there is none of that name, or the name is too long for one
        return None


def _storage(here: Services) -> list[str]:
    """Return below which addresses the links of answers lead."""
    objects, settings = here.world.objects, here.settings
    return [objects.address(settings.media_bucket), objects.address(settings.derived_bucket)]


def _known(tag: str, offered: str) -> bool:
    tags = {each.strip() for each in offered.split(",")}
    return "*" in tags or tag in tags or tag.removeprefix("W/") in tags
