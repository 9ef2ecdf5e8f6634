"""The page as this function serves it: its own files, with rules for the browser, and nothing beside them."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from kadr.core.page import content_security_policy, content_type
from tests.fakes import MemoryObjectStore

APP = create_app()
SECRET = "nobody is to read this"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    files = {
        "index.html": "<!doctype html><title>Kadr</title>",
        "app/main.js": "export const x = 1;\n" * 200,
        "app/views/search.js": "export {};",
        "app/vendor.0123abcd.js": "export {};",
        "styles/page.css": "body { margin: 0 }",
        "assets/icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "assets/notes.md": SECRET,
        "app/.hidden.js": SECRET,
        "tests/search.js": SECRET,
        "node_modules/x/index.js": SECRET,
        "package.json": SECRET,
    }
    for name, text in files.items():
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_text(text)
    (tmp_path / "outside.js").write_text(SECRET)
    (web / "app" / "link.js").symlink_to(tmp_path / "outside.js")
    return web


def serving(folder: Path | None) -> Iterator[TestClient]:
    settings = SimpleNamespace(media_bucket="media", derived_bucket="derived", page_dir=folder)
    APP.dependency_overrides[services] = lambda: SimpleNamespace(
        settings=settings, world=SimpleNamespace(objects=MemoryObjectStore())
    )
    with TestClient(APP) as client:
        yield client


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    yield from serving(folder)


def as_written(path: str) -> tuple[int, bytes]:
    """Ask for a path that a client would clean up before it is sent."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": [(b"host", b"127.0.0.1")], "http_version": "1.1"}
    scope |= {"scheme": "http", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1)}
    asyncio.run(APP(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/?q=слон&modality=ocr", "text/html; charset=utf-8"),
        ("/app/main.js", "text/javascript; charset=utf-8"),
        ("/app/views/search.js", "text/javascript; charset=utf-8"),
        ("/styles/page.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ],
)
def test_its_files_are_served_with_their_types_and_the_rules(client, path, kind):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "microphone=(self)" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "media-src 'self' blob: https://media.example/ https://derived.example/;" in policy


@pytest.mark.parametrize(
    "path",
    [
        "/package.json",
        "/tests/search.js",
        "/node_modules/x/index.js",
        "/assets/notes.md",
        "/app/.hidden.js",
        "/app/link.js",
        "/app/missing.js",
        "/app/",
        "/app/views",
        "/app/../package.json",
        "/app/%2e%2e/package.json",
        "/app/..%2fpackage.json",
        "/app/%2e%2e%2f%2e%2e%2foutside.js",
        "/app/..%5c..%5coutside.js",
        "/app/%252e%252e/package.json",
        "/app//main.js",
        "/app/views/../main.js",
        "/app/./main.js",
        "/app/main.js%00.css",
        "/app/" + "a" * 5000 + ".js",
        "//etc/passwd",
        "/app//etc/hosts.js",
        "/web/index.html",
        "/wp-login.php",
    ],
)
def test_there_is_nothing_else(client, path):
    status, body = as_written(path)
    assert status == 404
    assert json.loads(body)["error"]["code"] == "not_found"


def test_a_copy_that_is_still_the_one_is_not_sent_again(client, folder):
    tag = client.get("/app/main.js").headers["ETag"]
    again = client.get("/app/main.js", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == tag
    (folder / "app" / "main.js").write_text("export const x = 2;")
    changed = client.get("/app/main.js", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.text) == (200, "export const x = 2;")


def test_only_a_file_with_its_digest_in_its_name_is_kept_without_asking(client):
    assert client.get("/app/vendor.0123abcd.js").headers["Cache-Control"].endswith("immutable")


def test_text_is_sent_compressed(client, folder):
    with client.stream("GET", "/app/main.js", headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(sent) == (folder / "app" / "main.js").read_bytes()
    assert len(sent) < 200


def test_head_tells_the_same_without_the_file(client):
    assert client.head("/").headers["ETag"] == client.get("/").headers["ETag"]


def test_where_it_is_served_from_elsewhere_there_is_no_page_here():
    for client in serving(None):
        assert client.get("/").status_code == 404


def test_the_policy_names_the_buckets_and_not_everybodys():
    policy = content_security_policy(["https://s3.example/media/"])
    assert "connect-src 'self' https://s3.example/media https://s3.example/media/;" in policy
    assert "img-src 'self' blob: data: https://s3.example/media/;" in policy
    assert "https://s3.example;" not in policy


@pytest.mark.parametrize("path", ["app", "app/", "/app/a.js", "app/a.exe", "assets\\icon.svg", ""])
def test_what_is_no_file_of_the_page_has_no_type(path):
    assert content_type(path) is None
