"""The CloudFormation templates, as Python sees them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "template.yaml"
NESTED = sorted((ROOT / "infra").glob("*.yaml"))

QUEUED = ("Ingest", "Visual", "Ocr", "Speech", "Faces", "Assemble", "Purge")
EXTRACTORS = ("Visual", "Ocr", "Speech", "Faces")
FUNCTIONS = (*QUEUED, "Search", "Cluster")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, turned into the long ones."""


def _intrinsic(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return a template."""
    document = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    assert isinstance(document, dict)
    return document


def media() -> dict[str, Any]:
    """Return the template of buckets, rules and queues."""
    return load(ROOT / "infra" / "media.yaml")


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by logical id."""
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def policies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement of every policy of every template, with where it stands."""
    for path in (TEMPLATE, *NESTED):
        for name, resource in load(path)["Resources"].items():
            properties = resource.get("Properties", {})
            documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
            documents += [properties[key] for key in ("PolicyDocument", "KeyPolicy") if key in properties]
            for document in documents:
                for statement in document["Statement"]:
                    yield f"{path.name}/{name}/{statement['Sid']}", statement


def strings(value: Any) -> list[str]:
    """Return a value that may be one or many as many; intrinsics as the text that ends them."""
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    if isinstance(value, dict):
        ((function, inner),) = value.items()
        if function == "Fn::GetAtt":
            return [".".join(inner)]
        if function == "Fn::If":
            return [text for branch in inner[1:] for text in strings(branch)]
        return strings(inner)
    return [str(value)]
