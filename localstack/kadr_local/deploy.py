"""Deploys the project's own template to MiniStack.

What is rewritten, and nothing else: nested stacks are put into their parent (``template.py``), functions of
both packagings become a zip of three lines that runs the handler from the checkout with this interpreter,
layers are dropped (the environment has the packages), and no function runs more often at once than the
machine bears.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kadr_local.errors import DeployError
from kadr_local.template import Node, flatten

ARTEFACTS = "kadr-local-artefacts"
REGION = "us-east-1"
POLL = 0.1  # seconds
WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# After a failed update everything is as it was before.
WHOLE_BEFORE = (*WHOLE, "UPDATE_ROLLBACK_COMPLETE")
# A machine's own settings of the functions: no X-Ray daemon listens here, and metrics would be log lines.
ENVIRONMENT = {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_METRICS_DISABLED": "true"}
_SOURCES = ("functions", "shared", "localstack")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What to deploy, and how."""

    template: Path
    stack_name: str
    parameters: Mapping[str, str]
    concurrency: int
    extractor_timeout: int | None
    logs: Path  # folder of the functions' logs
    pids: Path  # folder of the workers' pid files
    models: Sequence[str] = ()  # versions of the weights in use: processes keep those that they began with

    @property
    def checkout(self) -> Path:
        """The folder that functions are run from."""
        return self.template.parent

    def digest(self) -> str:
        """Return a name for everything that a deployment depends on; it changes with the sources."""
        digest = hashlib.sha256(repr(self).encode())
        for path in sorted(self.checkout.glob("infra/*.yaml")):
            digest.update(path.read_bytes())
        digest.update(self.template.read_bytes())
        digest.update(sources(self.checkout).encode())
        return digest.hexdigest()[:16]


def sources(checkout: Path) -> str:
    """Return a name for the state of the source files, by their times and sizes."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((checkout / folder).rglob("*")):
            if "__pycache__" in path.parts or not path.is_file():
                continue
            state = path.stat()
            digest.update(f"{path.relative_to(checkout)} {state.st_mtime_ns} {state.st_size}\n".encode())
    return digest.hexdigest()[:16]


class Clients:
    """Clients for MiniStack."""

    region = REGION

    def __init__(self, endpoint: str) -> None:
        import boto3
        from botocore.config import Config

        self._session = boto3.Session(
            aws_access_key_id="test",  # the one that MiniStack knows; it matters for presigned links
            aws_secret_access_key="test",  # noqa: S106
            region_name=REGION,
        )
        self._endpoint = endpoint
        self._config = Config(
            s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=60, retries={"max_attempts": 2}
        )

    def __call__(self, service: str) -> Any:
        """Return a client of ``service``."""
        make: Any = self._session.client  # one overload for each service, and we do not know which
        return make(service, endpoint_url=self._endpoint, config=self._config)


def rewritten(deployment: Deployment) -> tuple[dict[str, Node], dict[str, bytes]]:
    """Return the template as it is deployed, and the artefacts that it names, by their keys.

    Raises:
        DeployError: the template is not valid.
    """
    template = flatten(deployment.template, deployment.parameters)
    resources: dict[str, Node] = template["Resources"]
    artefacts: dict[str, bytes] = {}
    state = sources(deployment.checkout)
    for name, resource in list(resources.items()):
        if resource["Type"] in ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion"):
            del resources[name]
        elif resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            handler = _handler(name, properties)
            _rewrite_function(properties, deployment)
            package = _package(handler, name, state, deployment, background=_fed_by_queue(resource))
            key = f"{_short(name)}-{hashlib.sha256(package).hexdigest()[:16]}.zip"
            artefacts[key] = package
            properties["CodeUri"] = {"Bucket": ARTEFACTS, "Key": key}
            resource.pop("Metadata", None)
    if deployment.extractor_timeout is not None:
        _set_timeout(resources, deployment.extractor_timeout)
    return template, artefacts


def _rewrite_function(properties: dict[str, Node], deployment: Deployment) -> None:
    for gone in ("PackageType", "ImageConfig", "ImageUri", "Layers", "Tracing", "InlineCode"):
        properties.pop(gone, None)
    properties["Handler"] = "kadr_entry.handler"
    properties["Runtime"] = "python3.12"  # a name: MiniStack runs functions with its own interpreter
    variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
    variables.update(ENVIRONMENT)
    for event in properties.get("Events", {}).values():
        scaling = event.get("Properties", {}).get("ScalingConfig")
        if scaling:
            scaling["MaximumConcurrency"] = max(2, deployment.concurrency)  # 2 is the least that is taken


def _set_timeout(resources: dict[str, Node], seconds: int) -> None:
    """Give the functions with the longest timeout another one; their queues keep six times as much."""
    functions = [
        each["Properties"] for each in resources.values() if each["Type"] == "AWS::Serverless::Function"
    ]
    longest = max(each.get("Timeout", 3) for each in functions)
    for each in functions:
        if each.get("Timeout", 3) == longest:
            each["Timeout"] = seconds
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SQS::Queue" and str(properties.get("VisibilityTimeout")) == str(
            6 * longest
        ):
            properties["VisibilityTimeout"] = 6 * seconds


def _handler(name: str, properties: Mapping[str, Node]) -> str:
    handler = properties.get("Handler")
    command = properties.get("ImageConfig", {}).get("Command")
    if handler is None and isinstance(command, list) and len(command) == 1:
        handler = command[0]
    if not isinstance(handler, str):
        raise DeployError(
            f"{name} names no handler: an image needs ImageConfig.Command: [package.module.function]."
        )
    return handler


def _short(name: str) -> str:
    """``OcrFunction`` → ``ocr``."""
    return name.removesuffix("Function").lower()


def _fed_by_queue(resource: Mapping[str, Node]) -> bool:
    events = resource["Properties"].get("Events", {}).values()
    return any(event.get("Type") == "SQS" for event in events)


def _package(handler: str, name: str, state: str, deployment: Deployment, *, background: bool) -> bytes:
    checkout = deployment.checkout
    paths = [str(checkout), *(str(checkout / folder) for folder in ("shared", "localstack"))]
    log, pids = str(deployment.logs / f"{_short(name)}.log"), str(deployment.pids)
    text = (
        f"# sources {state}\n"
        "import sys\n"
        f"sys.path[:0] = {paths!r}\n"
        "from kadr_local.worker import enter\n"
        f"handler = enter({handler!r}, log={log!r}, pids={pids!r}, background={background})\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # a fixed time: the same content has the same digest
        archive.writestr(zipfile.ZipInfo("kadr_entry.py", (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def deploy(deployment: Deployment, clients: Clients) -> dict[str, str]:
    """Create or update the stack and wait; return its outputs.

    Raises:
        DeployError: it failed; names the first resource that did, and its reason.
    """
    template, artefacts = rewritten(deployment)
    s3 = clients("s3")
    if not any(bucket["Name"] == ARTEFACTS for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=ARTEFACTS)
    body = json.dumps(template)
    artefacts = {**artefacts, "template.json": body.encode()}
    for key, content in artefacts.items():
        s3.put_object(Bucket=ARTEFACTS, Key=key, Body=content)
    outputs = _apply(deployment.stack_name, f"{ARTEFACTS}/template.json", clients)
    _limit_concurrency(template, deployment, clients)
    for item in s3.list_objects_v2(Bucket=ARTEFACTS).get("Contents", []):
        if item["Key"] not in artefacts:
            s3.delete_object(Bucket=ARTEFACTS, Key=item["Key"])
    return outputs


def _limit_concurrency(template: Mapping[str, Node], deployment: Deployment, clients: Clients) -> None:
    """Keep functions that are fed by a queue from running more often at once than the machine bears.

    A mapping's MaximumConcurrency cannot be less than 2, and MiniStack overlooks the function's own
    ReservedConcurrentExecutions in a template; its API does not.
    """
    pages = clients("cloudformation").get_paginator("list_stack_resources")
    functions = clients("lambda")
    for page in pages.paginate(StackName=deployment.stack_name):
        for each in page["StackResourceSummaries"]:
            resource = template["Resources"].get(each["LogicalResourceId"], {})
            if resource.get("Type") == "AWS::Serverless::Function" and _fed_by_queue(resource):
                functions.put_function_concurrency(
                    FunctionName=each["PhysicalResourceId"],
                    ReservedConcurrentExecutions=deployment.concurrency,
                )


def _apply(name: str, template: str, clients: Clients) -> dict[str, str]:
    from botocore.exceptions import ClientError

    client = clients("cloudformation")
    good: tuple[str, ...] = WHOLE
    arguments = {
        "StackName": name,
        "TemplateURL": f"{client.meta.endpoint_url}/{template}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    stack = describe(name, client)
    if stack is not None and stack["StackStatus"] in (
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "DELETE_FAILED",
    ):
        client.delete_stack(StackName=name)  # a first deployment that failed: CloudFormation refuses updates
        _settled(name, client)
        stack = describe(name, client)
    begun = {event["EventId"] for event in _events(name, client)} if stack else set()
    try:
        if stack is None:
            client.create_stack(**arguments, OnFailure="ROLLBACK")
        else:
            client.update_stack(**arguments)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" not in message:
            raise DeployError(f"The template was refused: {message}") from error
        good = WHOLE_BEFORE
    stack = _settled(name, client)
    if stack is None or stack["StackStatus"] not in good:
        raise DeployError(_first_failure(name, client, begun))
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def describe(name: str, client: Any) -> dict[str, Any] | None:
    """Return a stack's description; ``None`` where there is none."""
    from botocore.exceptions import ClientError

    try:
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return None
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _settled(name: str, client: Any) -> dict[str, Any] | None:
    while (stack := describe(name, client)) is not None and stack["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(POLL)
    return stack


def _events(name: str, client: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
        yield from page["StackEvents"]


def _first_failure(name: str, client: Any, begun: set[str]) -> str:
    events = [event for event in _events(name, client) if event["EventId"] not in begun]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return f"The stack {name} was not deployed, and it does not say why; see `kadr logs ministack`."
    first = failed[0]
    reason = first.get("ResourceStatusReason") or "no reason given"
    return f"{first['LogicalResourceId']} ({first['ResourceType']}) could not be deployed: {reason}"
