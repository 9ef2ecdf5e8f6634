"""Amazon SQS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kadr.core.errors import DependencyError
from kadr.core.modality import Stage
from kadr.events import ModalityExtracted

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsAssembleQueue:
    """Implements :class:`kadr.ports.queues.AssembleQueue`."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> SQSClient:
        return sqs_client()

    def send(self, message: ModalityExtracted) -> None:
        """Send; raises DependencyError if it cannot."""
        _send(self._client, self._url, message.model_dump_json())


class SqsStageQueues:
    """Implements :class:`kadr.ports.queues.StageQueues`."""

    def __init__(self, urls: Mapping[Stage, str]) -> None:
        self._urls = urls

    @cached_property
    def _client(self) -> SQSClient:
        return sqs_client()

    def send(self, stage: Stage, body: str) -> None:
        """Send a message to a stage's queue; raises DependencyError if it cannot."""
        url = self._urls.get(stage)
        if not url:
            raise DependencyError(f"this function was deployed without the queue of {stage}")
        _send(self._client, url, body)


class SqsBacklog:
    """Implements :class:`kadr.ports.extracting.Backlog`."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def waiting(self) -> int:
        """Return about how many messages wait to be received."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"SQS does not say how long {self._url} is: {error}") from error
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, bodies: Sequence[str]) -> None:
        """Send messages; raises DependencyError if it cannot send one of them."""
        from botocore.exceptions import BotoCoreError, ClientError

        for start in range(0, len(bodies), 10):  # as many as SQS takes at once
            entries: Any = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[start : start + 10])
            ]
            try:
                refused = self._client.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed")
            except (BotoCoreError, ClientError) as error:
                raise DependencyError(f"SQS did not take messages for {self._url}: {error}") from error
            if refused:
                why = refused[0].get("Message", refused[0]["Code"])
                raise DependencyError(f"SQS did not take a message for {self._url}: {why}")


class SqsBackoff:
    """Says when a message that failed shall come again."""

    @cached_property
    def _client(self) -> SQSClient:
        return sqs_client()

    def retry_in(self, queue_arn: str, receipt_handle: str, seconds: int) -> bool:
        """Make a received message visible again after ``seconds``; return whether SQS agreed.

        It is a courtesy: if it fails, the message comes again when its visibility time-out ends.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        account, name = queue_arn.split(":")[4:6]
        try:
            url = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
            self._client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError):
            return False
        return True


def _send(client: SQSClient, url: str, body: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.send_message(QueueUrl=url, MessageBody=body)
    except (BotoCoreError, ClientError) as error:
        raise DependencyError(f"SQS did not take a message for {url}: {error}") from error


def sqs_client() -> SQSClient:
    """Return a client with short time-outs: a queue that hangs must not eat the function's time."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "sqs",
        config=Config(retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=3, read_timeout=10),
    )
