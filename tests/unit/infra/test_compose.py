"""localstack/: the stack for people who have Docker."""

from __future__ import annotations

import re
import runpy
import subprocess
from typing import Any

import pytest
import yaml

from kadr.runtime import settings
from tests.unit.infra.templates import FUNCTIONS, QUEUED, ROOT, load, media, resources

FOLDER = ROOT / "localstack"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
sources = runpy.run_path(str(FOLDER / "event_sources.py"))


def test_nothing_listens_beyond_this_machine() -> None:
    published = [str(port) for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) >= 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_no_password_is_written_here() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    for line in re.findall(r"^.*PASSWORD.*$", text, re.MULTILINE):
        assert "${POSTGRES_PASSWORD:?" in line, line
    ignored = (FOLDER / ".gitignore").read_text(encoding="utf-8").split()
    assert ".env" in ignored


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_runs_from_the_shared_recipe(name: str) -> None:
    service = SERVICES[name.lower()]
    assert service["command"] == [f"functions.{name.lower()}.handler.handler"]
    assert service["build"]["args"] == {"FUNCTION": name.lower()}
    assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_functions_are_told_everything_without_a_default() -> None:
    given = set(SERVICES["ocr"]["environment"])
    given |= set(re.findall(r"KADR_\w+(?==)", (FOLDER / "ready.sh").read_text(encoding="utf-8")))
    required = {
        f"KADR_{field.upper()}"
        for field, about in settings.ExtractorSettings.model_fields.items()
        if about.is_required()
    }
    assert required <= given


def test_every_queue_leads_to_its_function() -> None:
    routes = dict(each.split("=", 1) for each in SERVICES["event-sources"]["command"])
    assert routes == {f"kadr-local-{stage.lower()}": f"http://{stage.lower()}:8080" for stage in QUEUED}
    names = [
        queue["QueueName"]["Fn::Sub"].replace("${Prefix}", "kadr-local")
        for queue in resources(media(), "AWS::SQS::Queue").values()
    ]
    assert set(routes) <= set(names)


def test_the_local_visibility_is_that_of_the_template() -> None:
    script = (FOLDER / "ready.sh").read_text(encoding="utf-8")
    given = {name: int(value) for name, value in re.findall(r"(\w+Visibility)=(\d+)", script)}
    local = load()["Mappings"]["Timing"]["local"]
    assert given == {name: value for name, value in local.items() if name.endswith("Visibility")}
    timeout = SERVICES["ocr"]["environment"]["AWS_LAMBDA_FUNCTION_TIMEOUT"]
    assert int(timeout) == local["HeavyTimeout"]


@pytest.mark.parametrize("script", ["ready.sh", "env.sh"])
def test_scripts_are_scripts(script: str) -> None:
    assert (FOLDER / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", FOLDER / script], check=True, timeout=10)


def test_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).is_file(), volume


# --------------------------------------------------------------- event sources


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "somebody else's"}]}, {"a", "b"}),
        ({"errorMessage": "out of memory", "errorType": "Runtime.ExitError"}, {"a", "b"}),
        (None, {"a", "b"}),
    ],
)
def test_what_comes_again_is_what_lambda_would_send_again(answer: Any, again: set[str]) -> None:
    assert sources["failed"](answer, ["a", "b"]) == again


def test_functions_see_the_events_that_lambda_makes() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "{}",
        "MD5OfBody": "x",
        "Attributes": {"ApproximateReceiveCount": "3"},
    }
    (record,) = sources["lambda_event"]([message], "arn:aws:sqs:eu-central-1:000000000000:kadr-local-ocr")[
        "Records"
    ]
    assert record["eventSource"] == "aws:sqs"
    assert record["awsRegion"] == "eu-central-1"
    assert (record["messageId"], record["body"], record["receiptHandle"]) == ("m", "{}", "r")
    assert record["attributes"]["ApproximateReceiveCount"] == "3"
