"""From queues to functions under the runtime interface emulator, as Lambda's event source mappings do on AWS.

Usage: ``python event_sources.py QUEUE=URL …``, with the SDK's usual variables (``AWS_ENDPOINT_URL``, …). One
thread per queue: receive, invoke, delete what the function did not name as failed. A message that failed, or
whose function died, comes again when its visibility timeout ends, and dies in the dead-letter queue.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

_PATH = "/2015-03-31/functions/function/invocations"
_LONGEST_RUN = 900  # seconds; Lambda's own limit


def lambda_event(messages: Sequence[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """Return what Lambda would give the function for messages as SQS returns them."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {},
                "md5OfBody": message.get("MD5OfBody", ""),
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": queue_arn.split(":")[3],
            }
            for message in messages
        ]
    }


def failed(answer: Any, sent: Sequence[str]) -> set[str]:
    """Return which of the messages ``sent`` must come again.

    As Lambda reads a partial batch response: an error, or an answer that names a message nobody sent,
    means all of them.
    """
    if not isinstance(answer, dict) or "errorMessage" in answer:
        return set(sent)
    named = {each.get("itemIdentifier") for each in answer.get("batchItemFailures") or []}
    return named if named <= set(sent) else set(sent)


def invoke(url: str, event: Mapping[str, Any]) -> Any:
    """Run the function behind ``url`` once; raises OSError or HTTPException if it is not there."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_LONGEST_RUN)
    try:
        connection.request("POST", _PATH, json.dumps(event).encode())
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def serve(queue: str, url: str, stop: threading.Event) -> None:
    """Feed one function until ``stop``."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    sqs = boto3.client("sqs")
    while not stop.is_set():
        try:
            queue_url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            received = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=5,
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            if not received:
                continue
            again = failed(invoke(url, lambda_event(received, arn)), [each["MessageId"] for each in received])
            for message in received:
                if message["MessageId"] not in again:
                    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        except (BotoCoreError, ClientError, OSError, http.client.HTTPException, ValueError) as error:
            sys.stderr.write(f"{queue}: {error}\n")
            stop.wait(2)


def main(arguments: Sequence[str]) -> int:
    """Feed every function named on the command line until told to end."""
    if not arguments or any("=" not in each for each in arguments):
        sys.stderr.write("usage: event_sources.py QUEUE=URL …\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    threads = [
        threading.Thread(target=serve, args=(*each.split("=", 1), stop), daemon=True) for each in arguments
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
