"""What the API says about itself: whoever reads it needs nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from functions.search.app import create_app

API: dict[str, Any] = create_app().openapi()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in API["paths"].items()
    for method, operation in methods.items()
]
PARAMETERS = [
    pytest.param(parameter, id=f"{name} {parameter['name']}")
    for name, operation in OPERATIONS
    for parameter in operation.get("parameters", ())
]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_parameter_is_described_and_has_an_example(parameter):
    assert parameter.get("description", "").endswith((".", "…", "key", "taken"))
    schema = parameter["schema"]
    examples = parameter.get("examples") or schema.get("examples") or parameter.get("example")
    assert examples, "an example"


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_operation_says_what_it_does_and_what_can_go_wrong(name, operation):
    assert operation.get("description"), name
    for status, answer in operation["responses"].items():
        assert answer["description"], status


def test_the_ways_of_searching_have_the_same_parameters():
    def names(path: str, method: str) -> set[str]:
        return {each["name"] for each in API["paths"][path][method]["parameters"]}

    common = {"theme", "person", "language", "min_duration", "max_duration", "after", "before"}
    common |= {"k", "offset", "diversity", "collapse"}
    assert names("/search", "get") >= common | {"q", "modality", "emphasis", "skip"}
    assert names("/videos/{video_id}/similar", "get") == common | {"video_id", "modality"}
    assert names("/search/image", "post") == common


def test_a_picture_is_the_body_itself():
    content = API["paths"]["/search/image"]["post"]["requestBody"]["content"]
    assert content["image/jpeg"]["schema"] == {"type": "string", "format": "binary"}
    assert "multipart/form-data" not in content
