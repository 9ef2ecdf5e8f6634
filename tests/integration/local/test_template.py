"""The project's own template, as the local stack deploys it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("samtranslator")

from kadr_local.deploy import Deployment, rewritten
from kadr_local.errors import DeployError
from kadr_local.template import flatten

ROOT = Path(__file__).parents[3]
PARAMETERS = {
    "Observability": "off",
    "PageHosting": "off",
    "TimeoutProfile": "local",
    "QdrantUrl": "http://127.0.0.1:6333",
    "PostgresHost": "127.0.0.1",
    "PostgresPort": "54320",
    "PostgresSecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x",
}


def deployment(template: Path = ROOT / "template.yaml", **changed: Any) -> Deployment:
    given: dict[str, Any] = {
        "template": template,
        "stack_name": "kadr-local",
        "parameters": PARAMETERS,
        "concurrency": 1,
        "extractor_timeout": None,
        "logs": Path("logs"),
        "pids": Path("pids"),
    }
    return Deployment(**(given | changed))


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_nested_stacks_are_put_into_their_parent() -> None:
    flat = flatten(ROOT / "template.yaml", PARAMETERS)
    kinds = {resource["Type"] for resource in flat["Resources"].values()}
    assert "AWS::CloudFormation::Stack" not in kinds
    assert {"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Events::Rule"} <= kinds
    text = json.dumps(flat)
    for left in (".Outputs.", "Fn::If", "Fn::FindInMap", '"Condition": "'):
        assert left not in text
    for name, parameter in PARAMETERS.items():
        assert f'{{"Ref": "{name}"}}' not in text, parameter
    media = flat["Globals"]["Function"]["Environment"]["Variables"]["KADR_MEDIA_BUCKET"]
    assert flat["Resources"][media["Ref"]]["Type"] == "AWS::S3::Bucket"


def test_everything_that_is_referred_to_is_there() -> None:
    flat = flatten(ROOT / "template.yaml", PARAMETERS)

    def referred(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(referred, node)) if node else set()
        if not isinstance(node, dict):
            return set()
        if set(node) == {"Ref"}:
            return {node["Ref"]}
        if set(node) == {"Fn::GetAtt"}:
            return {node["Fn::GetAtt"][0]}
        return set().union(*map(referred, node.values())) if node else set()

    names = {name for name in referred(flat) if not name.startswith("AWS::")}
    assert names <= set(flat["Resources"])


def test_functions_run_from_the_checkout() -> None:
    template, artefacts = rewritten(deployment())
    found = functions(template)
    assert {"IngestFunction", "OcrFunction", "SearchFunction", "PurgeFunction"} <= set(found)
    for name, properties in found.items():
        assert "PackageType" not in properties
        assert "Layers" not in properties
        package = zipfile.ZipFile(io.BytesIO(artefacts[properties["CodeUri"]["Key"]]))
        entry = package.read("kadr_entry.py").decode()
        stage = name.removesuffix("Function").lower()
        assert f"'functions.{stage}.handler.handler'" in entry
        assert str(ROOT) in entry
        assert ("background=False" in entry) == (name in {"SearchFunction", "ClusterFunction"})


def test_an_extractor_timeout_moves_the_visibility_of_its_queue() -> None:
    before, _ = rewritten(deployment())
    after, _ = rewritten(deployment(extractor_timeout=77))
    assert functions(after)["OcrFunction"]["Timeout"] == 77
    assert functions(after)["PurgeFunction"]["Timeout"] == functions(before)["PurgeFunction"]["Timeout"]
    assert after["Resources"]["MediaOcrQueue"]["Properties"]["VisibilityTimeout"] == 6 * 77


def test_the_same_sources_make_the_same_deployment() -> None:
    assert rewritten(deployment()) == rewritten(deployment())
    assert deployment().digest() == deployment().digest()
    assert deployment(concurrency=2).digest() != deployment().digest()
    # processes keep the weights that they began with
    assert deployment(models=["visual demo@12345678"]).digest() != deployment().digest()


@pytest.mark.parametrize(
    ("text", "parameters", "words"),
    [
        ("Resources: {A: {Type: T, Condition: Missing}}", {}, "there is no condition Missing"),
        ("Parameters: {P: {Type: String}}\nResources: {A: {Type: T}}", {}, "parameter P has no value"),
        ("Resources: {A: {Type: T}}", {"Q": "1"}, "has no parameter Q"),
        ("Resources: {A: {Type: T, Properties: {B: !FindInMap [M, a, b]}}}", {}, "mapping M has no a.b"),
        ("Resources: {A: {Type: T, Properties: {B: !GetAtt A.Outputs.X}}}", {}, "A has no output"),
        ("Outputs: {}", {}, "has no Resources"),
        ("a: [", {}, "is not a template"),
    ],
)
def test_a_wrong_template_is_refused_with_words(
    tmp_path: Path, text: str, parameters: dict[str, str], words: str
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(DeployError, match=words):
        flatten(path, parameters)


def test_a_missing_template_says_where_to_be(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="in a checkout of the project"):
        flatten(tmp_path / "template.yaml", {})
