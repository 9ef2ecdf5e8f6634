from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from kadr.cli.app import app
from kadr.cli.session import Session


class PageBucket:
    """A bucket for the page, and the distribution before it; remembers what was done, in order."""

    def __init__(self, *there: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {name: {} for name in there}
        self.done: list[str] = []

    def get_paginator(self, operation: str) -> PageBucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str) -> list[dict[str, Any]]:
        assert Bucket == "page-bucket"
        names = sorted(self.objects)
        # as S3 does it: an answer without objects has no list of them
        return [{"Contents": [{"Key": name}]} for name in names] or [{}]

    def put_object(self, *, Bucket: str, Key: str, **about: Any) -> None:
        self.objects[Key] = about
        self.done.append(f"put {Key}")

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        del self.objects[Key]
        self.done.append(f"delete {Key}")

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> None:
        assert DistributionId == "E123"
        assert InvalidationBatch["Paths"] == {"Quantity": 1, "Items": ["/*"]}
        self.done.append("invalidate")


@pytest.fixture
def page(stand, tmp_path) -> PageBucket:
    """A stack with a page, and a page to be published in the session's folder."""
    web = tmp_path / "web"
    for name, text in {
        "index.html": "<!doctype html>",
        "app/main.js": "import './dom.js'",
        "app/dom.js": "",
        "styles/base.css": "",
        "assets/icon.svg": "<svg/>",
        "tests/dom.test.js": "",
        "package.json": "{}",
        "app/.hidden.js": "",
        "node_modules/axe-core/axe.min.js": "",
    }.items():
        path = web / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    bucket = PageBucket("app/old.js", "index.html")
    stand.target.clients.update(s3=bucket, cloudfront=bucket)
    stand.target.outputs.update(PageBucket="page-bucket", PageDistributionId="E123")
    return bucket


PUBLISHED = ["app/dom.js", "app/main.js", "assets/icon.svg", "index.html", "styles/base.css"]


def test_the_pages_files_are_put_there_the_first_page_last(stand, page):
    assert stand.json("web", "publish", "--json")["published"] == PUBLISHED
    assert sorted(page.objects) == PUBLISHED
    assert page.done[-3:] == ["put index.html", "delete app/old.js", "invalidate"]
    assert page.objects["index.html"] == {
        "Body": b"<!doctype html>",
        "ContentType": "text/html; charset=utf-8",
        "CacheControl": "no-cache",
    }
    assert page.objects["app/main.js"]["ContentType"] == "text/javascript; charset=utf-8"


def test_dry_run_says_what_would_be_done(stand, page):
    printed = stand.invoke("web", "publish", "--dry-run").stdout
    assert "would delete app/old.js" in printed
    assert "5 files" in printed and "would be published to page-bucket" in printed
    assert page.done == []


def test_where_there_is_no_page_to_publish_or_no_place_for_it_says_so(stand, page, tmp_path):
    (tmp_path / "empty").mkdir()
    refused = stand.invoke("web", "publish", "--from", str(tmp_path / "empty"))
    assert refused.exit_code == 1
    assert "There is no index.html" in refused.stderr
    stand.target.outputs.pop("PageBucket")
    refused = stand.invoke("web", "publish")
    assert refused.exit_code == 1
    assert "PageHosting=on" in refused.stderr
    assert page.done == []


def test_the_local_stack_serves_its_own_files_whether_it_is_running_or_not(tmp_path):
    refused = CliRunner().invoke(app, ["web", "publish"], obj=Session(root=tmp_path))
    assert refused.exit_code == 1
    assert "by itself" in refused.stderr
