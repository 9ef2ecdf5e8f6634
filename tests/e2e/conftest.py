"""The whole local stack, on ports of its own, below a folder of the session's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from playwright.sync_api import Page

from kadr.core.identity import video_id
from tests.e2e import browser as browsing
from tests.ports import free_ports

CHECKOUT = Path(__file__).resolve().parents[2]
PURGING = 120  # seconds that a deletion may take, behind whatever else is being indexed
FINAL = {"done", "empty", "unavailable", "failed", "dead"}

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """Return what ``look`` finds as soon as it finds something; fail in words if it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail(f"waited {seconds:.0f} s in vain: {what}")


@dataclass
class Stack:
    """The running stack and how a user reaches it."""

    root: Path
    settings: Any
    info: Any

    @cached_property
    def api(self) -> httpx.Client:
        return httpx.Client(base_url=self.info.api_url, timeout=30)

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.info.endpoint_url,
            region_name=self.info.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def put(self, key: str, body: bytes) -> None:
        """Upload as anybody would, with plain boto3."""
        self.client("s3").put_object(Bucket=self.info.media_bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.client("s3").delete_object(Bucket=self.info.media_bucket, Key=key)

    def video(self, key: str) -> dict[str, Any] | None:
        answer = self.api.get(f"/videos/{video_id(self.info.media_bucket, key)}")
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def finished(self, key: str, *, size: int | None = None, seconds: float = 180) -> dict[str, Any]:
        """Wait until every stage of the video (of that size) is final."""

        def look() -> dict[str, Any] | None:
            video = self.video(key)
            if video is None or (size is not None and video["size"] != size):
                return None
            stages = {stage["stage"]: stage["state"] for stage in video["stages"]}
            # ingest to faces are there from the beginning, assemble from the first modality that lands on
            return video if set(stages.values()) <= FINAL else None

        return wait_for(look, seconds=seconds, what=f"every stage of {key} to end; now: {self.video(key)}")

    def warm(self) -> None:
        """Search once: the first search loads models."""
        self.api.get("/search", params={"q": "видео"}, timeout=300).raise_for_status()

    def found(self, query: str, k: int = 5) -> list[str]:
        answer = self.api.get("/search", params={"q": query, "k": k}).raise_for_status().json()
        return [result["key"] for result in answer["results"]]


def until(page: Page, condition: str, *, what: str) -> Any:
    """Return what the JavaScript says as soon as it is true; waiting in the page is against its policy."""
    return wait_for(lambda: page.evaluate(condition), seconds=browsing.PATIENCE / 1000, what=what)


def until_sent(page: Page, requests: Sized, count: int) -> None:
    """Wait until the page has sent that many requests; ``requests`` grows with them."""
    wait_for(
        lambda: page.wait_for_timeout(20) or len(requests) >= count,
        seconds=browsing.PATIENCE / 1000,
        what=f"{count} requests",
    )


def stages(video: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {stage["stage"]: (stage["state"], stage["reason"]) for stage in video["stages"]}


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    from kadr_local.settings import LocalSettings
    from kadr_local.stack import LocalStack

    if not (CHECKOUT / ".kadr" / "models" / "text").exists():
        pytest.fail("the models are not prepared: run scripts/setup.sh dev")
    # pytest's own folders are closed to others; PostgreSQL, which refuses to be root, must get in
    root = Path(tempfile.mkdtemp(prefix="kadr-e2e-"))
    root.chmod(0o755)
    (root / ".kadr" / "models").mkdir(parents=True)
    # no other role, whatever weights this checkout has
    for name in ("models/text", "tessdata"):
        (root / ".kadr" / name).symlink_to(CHECKOUT / ".kadr" / name)
    ministack, postgres, qdrant, api = free_ports(4)
    settings = LocalSettings(
        ministack_port=ministack,
        postgres_port=postgres,
        qdrant_port=qdrant,
        api_port=api,
        extractor_timeout=60,  # seconds: the other core may have work of its own
    )
    local = LocalStack(root, CHECKOUT / "template.yaml")
    stack = Stack(root, settings, local.up(settings=settings))
    stack.warm()
    yield stack
    local.down()
    if not request.session.testsfailed:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def clips() -> Path:
    return CHECKOUT / "samples" / "clips"


@pytest.fixture(scope="session")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[browsing.Site]:
    """The stack's search page, and a browser with somebody who speaks into its microphone."""
    from playwright.sync_api import sync_playwright

    subprocess.run([CHECKOUT / "scripts" / "web.sh", "install"], check=True, timeout=300)
    spoken = tmp_path_factory.mktemp("voice") / "spoken.wav"
    spoken.write_bytes(browsing.tone(1.5, silence=2.5))
    status = kadr(stack, "status", "--json")
    key = status["editor_page"].partition("#key=")[2]
    with sync_playwright() as playwright:
        browser = browsing.launch(
            playwright,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={spoken}",
        )
        yield browsing.Site(browser, status["page"], key)
        browser.close()


@pytest.fixture(scope="session")
def indexed(stack: Stack, clips: Path) -> Callable[..., dict[str, str]]:
    """Return what makes sure that sample clips are indexed, and says under which ids, by name.

    A clip that another test has uploaded is taken as it is: the same one twice is shown as one result.
    """

    def ensure(*names: str) -> dict[str, str]:
        sizes = {name: (clips / name).stat().st_size for name in names}
        there = stack.api.get("/videos", params={"limit": 500}).json()["videos"]
        by_size = {video["size"]: video["key"] for video in there if video["state"] == "searchable"}
        keys = {name: by_size.get(size, f"page/{name}") for name, size in sizes.items()}
        for name, key in keys.items():
            if key not in by_size.values():
                stack.put(key, (clips / name).read_bytes())
        return {
            name: stack.finished(key, size=sizes[name], seconds=300)["video_id"] for name, key in keys.items()
        }

    return ensure


def kadr(stack: Stack, *arguments: str) -> Any:
    """Run the command in the stack's folder, as a user would; return the JSON that it prints."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("kadr")), "--root", str(stack.root), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
