"""Writes each event down, and misbehaves where an object's name asks it to."""

import json
import os
import signal
import threading
from urllib.parse import quote

import boto3

ANSWER = "first"
s3 = boto3.client("s3")
sqs = boto3.client("sqs")


def handler(event, context):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        key = body["detail"]["object"]["key"]
        print(f"looking at {key}")
        first = record["attributes"]["ApproximateReceiveCount"] == "1"
        if key.startswith("killed") and first:
            os.kill(os.getpid(), signal.SIGKILL)
        if key.startswith("slow") and first:
            threading.Event().wait(60)
        if key.startswith("raises") and first:
            raise RuntimeError("as asked")
        if key.startswith("fails") and first:
            sqs.change_message_visibility(
                QueueUrl=sqs.get_queue_url(QueueName="kadr-local-ocr")["QueueUrl"],
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=0,
            )
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        if key.startswith("poison"):
            raise RuntimeError("always")
        name = f"{body['detail-type']}/{body['detail'].get('reason', '')}/{quote(key)}"
        s3.put_object(
            Bucket=os.environ["DERIVED_BUCKET"],
            Key=name,
            Body=json.dumps({"event": body, "record": record, "answer": ANSWER}).encode(),
        )
    return {"batchItemFailures": failures}
