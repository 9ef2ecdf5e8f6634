"""What the search page is made of, and what a browser is told about its files.

The same rules hold wherever it is served from: by the search function, and by S3 behind CloudFront, for which
``infra/web.yaml`` says them once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

INDEX = "index.html"
# Beside the page lie its tests and the settings of its tools, which nobody is to be served.
FOLDERS = ("app", "assets", "styles")
ROOT_FILES = (INDEX, "favicon.ico", "manifest.webmanifest", "robots.txt")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# name.0123abcd.js: whoever changes such a file changes its name.
_FINGERPRINTED = re.compile(r"\.[0-9a-f]{8,64}\.[a-z0-9]+$")

NEVER_CHANGES = "public, max-age=31536000, immutable"
# The browser asks each time whether its copy is still the one. Modules that were cached for a while would be
# mixed with new ones that do not fit.
ASK_FIRST = "no-cache"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Only where one comes from, and not what one looked for: links lead to the storage.
    "Referrer-Policy": "strict-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(self), payment=()",
}


def content_type(path: str) -> str | None:
    """Return the type of a file of the page, by its path below ``web/``; ``None``: it is no part of the page.

    Paths are taken as they are: one with ``..``, an empty part or a hidden name is none of the page's.
    """
    parts = path.split("/")
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    if not (parts[0] in FOLDERS and len(parts) > 1) and path not in ROOT_FILES:
        return None
    return _TYPES.get(PurePosixPath(path).suffix)


def cache_control(path: str) -> str:
    """Return for how long a browser may keep a file of the page without asking."""
    return NEVER_CHANGES if _FINGERPRINTED.search(path) else ASK_FIRST


def content_security_policy(storage: Iterable[str]) -> str:
    """Return what the page may load: its own files, and of other places only the addresses in ``storage``.

    They are the buckets', ending in a slash: everything below is allowed, and nothing beside. On AWS all
    buckets of a region have one origin, strangers' among them.
    """
    places = list(storage)
    below = " ".join(places)
    # A form is posted to the bucket itself, without the slash.
    buckets = " ".join(sorted({place.rstrip("/") for place in places} | set(places)))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            f"img-src 'self' blob: data: {below}".rstrip(),
            f"media-src 'self' blob: {below}".rstrip(),
            f"connect-src 'self' {buckets}".rstrip(),
            "manifest-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
