"""What the functions are told, and whether they are there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_settings import BaseSettings

from kadr.runtime import settings
from tests.unit.infra.templates import FUNCTIONS, ROOT, load, resources

GIVEN = load()["Globals"]["Function"]["Environment"]["Variables"]
KINDS = [
    each for each in vars(settings).values() if isinstance(each, type) and issubclass(each, BaseSettings)
]
BY_FUNCTION = {
    "Assemble": settings.AssembleSettings,
    "Cluster": settings.ClusterSettings,
    "Purge": settings.PurgeSettings,
    "Search": settings.SearchSettings,
}


def function(name: str) -> dict[str, Any]:
    return resources(load(), "AWS::Serverless::Function")[f"{name}Function"]


def test_every_variable_is_a_field_of_some_settings() -> None:
    known = {f"KADR_{field.upper()}" for kind in KINDS for field in kind.model_fields}
    ours = {name for name in GIVEN if name.startswith("KADR_")}
    assert ours <= known
    assert {name for name in GIVEN if not name.startswith("KADR_")} == {
        "POWERTOOLS_LOG_LEVEL",
        "POWERTOOLS_METRICS_NAMESPACE",
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_without_a_default_is_given(name: str) -> None:
    kind = BY_FUNCTION.get(name, settings.ExtractorSettings)
    required = {f"KADR_{field.upper()}" for field, about in kind.model_fields.items() if about.is_required()}
    assert required
    assert required <= set(GIVEN)


def test_no_variable_holds_a_secret() -> None:
    for name in GIVEN:
        assert "PASSWORD" not in name
        if "SECRET" in name:
            assert name.endswith("_ARN")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_is_there_and_has_the_functions_name(name: str) -> None:
    one = function(name)
    handler = one["Handler"] if "Handler" in one else one["ImageConfig"]["Command"][0]
    assert handler == f"functions.{name.lower()}.handler.handler"
    assert (ROOT / "functions" / name.lower() / "handler.py").is_file()
    variables = one["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == name.lower()
    own = {each for each in variables if each.startswith("KADR_")}
    kind = BY_FUNCTION.get(name, settings.ExtractorSettings)
    assert own <= {f"KADR_{field.upper()}" for field in kind.model_fields}
    assert not own or name == "Search"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_logs_go_to_a_group_that_forgets(name: str) -> None:
    assert function(name)["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}LogGroup"}}
    group = resources(load(), "AWS::Logs::LogGroup")[f"{name}LogGroup"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    # the name under which Lambda, and `sam logs`, look for it
    assert group["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + function(name)["FunctionName"]["Fn::Sub"]


def test_a_video_of_the_largest_size_fits_beside_what_is_made_of_it() -> None:
    largest = load()["Parameters"]["MediaMaxBytes"]
    assert largest["Default"] == settings.MediaSettings.model_fields["media_max_bytes"].default
    for name in ("Ingest", "Visual", "Ocr", "Speech", "Faces"):
        disk = load()["Mappings"]["Size"][name]["Disk"] * 1024 * 1024
        assert largest["MaxValue"] <= 0.8 * disk


def test_sizes_are_within_what_a_new_account_may_have() -> None:
    for name in FUNCTIONS:
        assert 128 <= load()["Mappings"]["Size"][name]["Memory"] <= 3008


def test_zip_functions_run_where_the_layers_wheels_load() -> None:
    layers = resources(load(), "AWS::Serverless::LayerVersion")
    for name in FUNCTIONS:
        one = function(name)
        if one.get("PackageType") == "Image":
            assert "Layers" not in one
            continue
        assert one["Runtime"] == "python3.12"
        for layer in one["Layers"]:
            assert layers[layer["Ref"]]["CompatibleRuntimes"] == [one["Runtime"]]


@pytest.mark.parametrize("name", ["SearchFunction", "ClusterFunction"])
def test_a_scheduled_run_that_failed_is_seen_and_not_done_again_at_once(name: str) -> None:
    """Lambda tries asynchronous runs twice more by itself; five failures would never come together."""
    assert load()["Resources"][name]["Properties"]["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
    alarms = load(ROOT / "infra" / "observability.yaml")["Resources"][name.removesuffix("Function")]
    assert alarms["Properties"]["Parameters"]["FunctionErrors"] == 1
