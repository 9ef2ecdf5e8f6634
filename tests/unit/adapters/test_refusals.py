"""What vendors refuse inside of answers that look well, and keys that change under a warm process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from qdrant_client.http.exceptions import UnexpectedResponse

from kadr.adapters.qdrant import Qdrant
from kadr.adapters.s3 import S3ObjectStore
from kadr.core.errors import DependencyError


class Bucket:
    """Two objects of which one cannot be deleted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_paginator(self, _: str) -> Any:
        keys = [{"Key": "faces/a/1/0.jpg"}, {"Key": "faces/a/2/0.jpg"}]
        return SimpleNamespace(paginate=lambda **_: [{"Contents": keys}])

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        self.asked += [each["Key"] for each in Delete["Objects"]]
        refused = [key for key in self.asked if key.startswith("faces/a/2")]
        return {"Errors": [{"Key": key, "Code": "SlowDown", "Message": "slow down"} for key in refused]}


def test_an_object_that_s3_keeps_is_an_error() -> None:
    bucket: Any = Bucket()
    store = S3ObjectStore(bucket)
    with pytest.raises(DependencyError, match="slow down"):
        store.delete_prefix("derived", "faces/a/")
    bucket.asked.clear()
    assert store.delete_prefix("derived", "faces/a/", keep=lambda key: "/2/" in key) == 1
    assert bucket.asked == ["faces/a/1/0.jpg"]
    bucket.asked.clear()
    keys = [f"faces/b/1/{number}.jpg" for number in range(2001)]
    assert store.delete_all("derived", keys) == 2001
    assert bucket.asked == keys


@pytest.mark.parametrize(("status", "read_again"), [(401, True), (403, True), (500, False)])
def test_a_key_that_was_rotated_is_read_again(status: int, read_again: bool) -> None:
    keys = iter(["old", "new"])
    read: list[str] = []

    def key() -> str:
        read.append(next(keys))
        return read[-1]

    qdrant = Qdrant("https://127.0.0.1:1", api_key=key, timeout=1)
    with pytest.raises(DependencyError), qdrant.errors():
        raise UnexpectedResponse(status, "no", b"no", None)  # type: ignore[arg-type]
    with qdrant.errors():
        pass
    assert read == (["old", "new"] if read_again else ["old"])
