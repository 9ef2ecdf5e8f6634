"""The page on AWS: served by the rules of the search function, and every path of the API behind it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from functions.search.app import create_app
from kadr.core import page
from tests.unit.infra.templates import ROOT, load, resources


def web() -> dict[str, Any]:
    return load(ROOT / "infra" / "web.yaml")


def distribution() -> dict[str, Any]:
    (found,) = resources(web(), "AWS::CloudFront::Distribution").values()
    return found["DistributionConfig"]


def headers() -> dict[str, Any]:
    (found,) = resources(web(), "AWS::CloudFront::ResponseHeadersPolicy").values()
    return found["ResponseHeadersPolicyConfig"]


def test_every_path_of_the_api_goes_to_the_api_and_no_file_of_the_page_does() -> None:
    patterns = [each["PathPattern"] for each in distribution()["CacheBehaviors"]]
    paths = [re.sub(r"\{[^}]+\}", "x", path) for path in create_app().openapi()["paths"]]
    assert len(paths) > 10
    assert [path for path in paths if not any(fnmatchcase(path, each) for each in patterns)] == []
    # FastAPI's own pages load scripts from elsewhere; they are left to the API's own address
    files = [
        path.relative_to(ROOT / "web").as_posix() for path in (ROOT / "web").rglob("*") if path.is_file()
    ]
    own = [name for name in files if page.content_type(name) is not None]
    assert page.INDEX in own
    assert [name for name in own if any(fnmatchcase(f"/{name}", each) for each in patterns)] == []


def test_only_pages_are_kept_and_only_reading_is_let_through_to_them() -> None:
    settings = distribution()
    assert settings["DefaultCacheBehavior"]["AllowedMethods"] == ["GET", "HEAD"]
    assert settings["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "Headers"}
    for each in settings["CacheBehaviors"]:
        assert each["TargetOriginId"] == "api"
        assert each["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
        assert each["ViewerProtocolPolicy"] == "https-only"
    assert "CustomErrorResponses" not in settings


def test_the_policy_is_that_of_the_search_function() -> None:
    written = headers()["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    text, names = written["Fn::Sub"]
    places = {}
    for name, value in names.items():
        bucket = value["Fn::Sub"].rpartition("/")[2]
        assert value["Fn::Sub"].startswith("https://s3.${AWS::Region}.${AWS::URLSuffix}/${")
        places[name] = f"https://s3.eu-central-1.amazonaws.com/{bucket[2:-1].lower()}"
    for name, place in places.items():
        text = text.replace("${" + name + "}", place)
    expected = page.content_security_policy([f"{place}/" for place in places.values()])
    assert _directives(text) == _directives(expected)


def _directives(policy: str) -> dict[str, set[str]]:
    parts = [each.split() for each in policy.split(";")]
    return {name: set(sources) for name, *sources in parts}


def test_the_other_headers_are_those_of_the_search_function() -> None:
    security = headers()["SecurityHeadersConfig"]
    own = {each["Header"]: each["Value"] for each in headers()["CustomHeadersConfig"]["Items"]}
    own |= {
        "X-Content-Type-Options": "nosniff" if "ContentTypeOptions" in security else "",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
    }
    assert own == page.HEADERS
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000


def test_nobody_but_cloudfront_reads_the_bucket() -> None:
    (bucket,) = resources(web(), "AWS::S3::Bucket").values()
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (policy,) = resources(web(), "AWS::S3::BucketPolicy").values()
    for statement in policy["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
            assert "Distribution" in str(statement["Condition"]["StringEquals"]["aws:SourceArn"])
