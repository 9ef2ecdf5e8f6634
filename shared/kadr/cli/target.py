"""Where commands go: the local stack of this checkout, or a stack deployed with CloudFormation."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kadr.cli.failure import CommandError
from kadr.core.modality import Modality, Stage

if TYPE_CHECKING:
    from kadr.cli.api import Api

LOCAL_STACK = "kadr-local"

# The queues of template.yaml, by the stage whose function they feed. `purge` is no stage of a video, but
# its messages can die like those of the others.
QUEUES = (Stage.INGEST.value, *(modality.value for modality in Modality), Stage.ASSEMBLE.value, "purge")


@dataclass(frozen=True, slots=True)
class QueuePair:
    """A stage's queue and its dead-letter queue, by URL."""

    stage: str
    url: str
    dead_letter_url: str


@dataclass(frozen=True)
class Target:
    """One running Kadr: its addresses, and clients for them."""

    name: str
    api_url: str
    media_bucket: str
    derived_bucket: str
    endpoint_url: str | None = None  # None: AWS itself
    region: str | None = None
    page_url: str | None = None
    editor_page: str | None = None  # the page with the local stack's own key, for uploading and editing
    qdrant_url: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        """Whether this is the stack that ``kadr up`` starts."""
        return self.endpoint_url is not None

    @classmethod
    def read(cls, root: Path, stack: str | None) -> Target:
        """Return the deployed stack called ``stack``, or the local one of the checkout at ``root``.

        Raises:
            CommandError: there is no such stack, or no local one has been started.
        """
        return cls.deployed(stack) if stack else cls.of_checkout(root)

    @classmethod
    def of_checkout(cls, root: Path) -> Target:
        """Return the local stack, as ``kadr up`` wrote it to ``.kadr/stack.json``."""
        path = state_dir(root) / "stack.json"
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                name=state["stack_name"],
                api_url=state["api_url"],
                media_bucket=state["media_bucket"],
                derived_bucket=state["derived_bucket"],
                endpoint_url=state["endpoint_url"],
                region=state["region"],
                page_url=state.get("page_url"),
                editor_page=_editor_page(root, state.get("page_url")),
                qdrant_url=state.get("qdrant_url"),
            )
        except FileNotFoundError:
            raise CommandError(
                "The local stack is not running. Start it with `kadr up`, or name another with --stack."
            ) from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise CommandError(
                f"{path} is damaged ({error}). Run `kadr down`, then `kadr up`, to write it anew."
            ) from error

    @classmethod
    def deployed(cls, stack: str) -> Target:
        """Return a deployed stack, as its CloudFormation outputs describe it."""
        import boto3

        # the variable of all other SDKs; boto3 itself reads AWS_DEFAULT_REGION and the profile alone
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        outputs = _stack_outputs(session.client("cloudformation"), stack)
        missing = [name for name in ("ApiUrl", "MediaBucket", "DerivedBucket") if name not in outputs]
        if missing:
            raise CommandError(
                f"The stack {stack} has no output {', '.join(missing)}: it was not deployed from Kadr's "
                "template.yaml. Name another one with --stack."
            )
        return cls(
            name=stack,
            api_url=outputs["ApiUrl"],
            media_bucket=outputs["MediaBucket"],
            derived_bucket=outputs["DerivedBucket"],
            region=session.region_name,
            page_url=outputs.get("PageUrl"),
            outputs=outputs,
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client of this target for ``service``."""
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"max_attempts": 4, "mode": "standard"},
            max_pool_connections=32,
            connect_timeout=5,
            # the path style, locally: bucket names are no host names there
            s3={"addressing_style": "path"} if self.local else {},
        )
        make: Any = boto3.client  # one overload for each service, and we do not know which
        if not self.local:
            return make(service, region_name=self.region, config=config)
        return make(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="test",  # the one that MiniStack knows
            aws_secret_access_key="test",  # noqa: S106
            config=config,
        )

    def api(self) -> Api:
        """Return a client of the search API."""
        from kadr.cli.api import Api

        return Api(self.api_url, hint=self._hint())

    def queues(self) -> list[QueuePair]:
        """Return the queues that the stack has, in the order of the stages.

        Raises:
            CommandError: the stack cannot be described.
        """
        outputs = self.outputs or _stack_outputs(self.client("cloudformation"), self.name)
        pairs = []
        for stage in QUEUES:
            url = outputs.get(f"{stage.capitalize()}QueueUrl")
            dead_letter_url = outputs.get(f"{stage.capitalize()}DlqUrl")
            if url and dead_letter_url:
                pairs.append(QueuePair(stage, self._reachable(url), self._reachable(dead_letter_url)))
        return pairs

    def function_environment(self, logical_id: str) -> dict[str, str]:
        """Return the environment variables that a function of the stack was deployed with."""
        resource = self.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        configuration = self.client("lambda").get_function_configuration(FunctionName=name)
        variables: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
        return variables

    def _hint(self) -> str:
        if self.local:
            return "Start the local stack with `kadr up`; `kadr status` shows what is running."
        return f"Check the network, and that the stack {self.name} is deployed."

    def _reachable(self, queue_url: str) -> str:
        """Return ``queue_url`` at the address we use: an emulator may name itself by another host."""
        if self.endpoint_url is None:
            return queue_url
        return self.endpoint_url.rstrip("/") + urlsplit(queue_url).path


def state_dir(root: Path) -> Path:
    """Return where the local stack of a checkout keeps its state."""
    return root / ".kadr"


def _editor_page(root: Path, page: str | None) -> str | None:
    path = state_dir(root) / "editor.key"
    if not page or not path.is_file():
        return None
    # A fragment never leaves the browser: the key is in no log and no Referer.
    return f"{page}#key={path.read_text(encoding='utf-8').strip()}"


def _stack_outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    try:
        stacks = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise CommandError(
                f"There is no stack called {stack} in this account and region. Check --stack and AWS_REGION."
            ) from error
        raise
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
