"""Links are those that AWS's own library makes: S3 checks the signature, the local stack does not."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore import auth
from botocore.config import Config
from botocore.credentials import Credentials

from kadr.adapters.s3_links import signed_get

NOW = datetime(2026, 3, 4, 23, 59, 58, tzinfo=UTC)
PLACES = [
    (None, "eu-central-1"),
    (None, "us-east-1"),
    ("http://127.0.0.1:4566", "eu-central-1"),
    ("https://storage.example:443", "ru-central1"),
    ("https://storage.example:8443", "ru-central1"),
]


@pytest.mark.parametrize("token", [None, "a/token+with=signs"])
@pytest.mark.parametrize("key", ["clip.mp4", "папка/ролик (1) + 100%.mp4", "a//b/../~c&d=e?f#g.mp4"])
@pytest.mark.parametrize(("endpoint", "region"), PLACES)
def test_a_link_is_what_boto3_signs(
    endpoint: str | None, region: str, key: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "get_current_datetime", lambda: NOW)
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",
        aws_session_token=token,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )
    disposition = "inline; filename*=UTF-8''%D1%80.mp4"
    theirs = client.generate_presigned_url(
        "get_object",
        Params={"Bucket": "media", "Key": key, "ResponseContentDisposition": disposition},
        ExpiresIn=600,
    )
    credentials = Credentials("AKIA", "secret", token)
    ours = signed_get(
        client.meta.endpoint_url,
        region,
        credentials,
        "media",
        key,
        expires=600,
        disposition=disposition,
        now=NOW,
    )
    assert urlsplit(ours)[:3] == urlsplit(theirs)[:3]
    assert dict(parse_qsl(urlsplit(ours).query)) == dict(parse_qsl(urlsplit(theirs).query))
