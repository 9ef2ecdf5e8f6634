"""Bucket → rule → queue → function."""

from __future__ import annotations

from typing import Any

import pytest

from kadr.runtime.settings import StorageSettings
from tests.unit.infra.templates import EXTRACTORS, QUEUED, load, media, resources

QUEUES = resources(media(), "AWS::SQS::Queue")
MAIN = {stage: QUEUES[f"{stage}Queue"] for stage in QUEUED}


def function(stage: str) -> dict[str, Any]:
    return resources(load(), "AWS::Serverless::Function")[f"{stage}Function"]


def looked_up(value: dict[str, Any], profile: str) -> int:
    name, _, key = value["Fn::FindInMap"]
    found = load()["Mappings"][name][profile][key]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("profile", load()["Mappings"]["Timing"])
@pytest.mark.parametrize("stage", QUEUED)
def test_messages_stay_invisible_for_six_times_the_timeout(stage: str, profile: str) -> None:
    timeout = looked_up(function(stage)["Timeout"], profile)
    handed_down = load()["Resources"]["Media"]["Properties"]["Parameters"]
    visibility = looked_up(handed_down[MAIN[stage]["VisibilityTimeout"]["Ref"]], profile)
    assert visibility == 6 * timeout


def test_every_profile_can_be_chosen_and_no_function_runs_longer_than_lambda_allows() -> None:
    timing = load()["Mappings"]["Timing"]
    assert set(load()["Parameters"]["TimeoutProfile"]["AllowedValues"]) == set(timing)
    for times in timing.values():
        assert all(0 < times[key] <= 900 for key in times if key.endswith("Timeout"))
        assert times["SearchTimeout"] < 30  # the API gives up then
        assert all(times[key] <= 43_200 for key in times if key.endswith("Visibility"))


@pytest.mark.parametrize("stage", QUEUED)
def test_every_queue_has_a_dead_letter_queue_that_keeps_for_two_weeks(stage: str) -> None:
    redrive = MAIN[stage]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{stage}Dlq", "Arn"]}
    assert QUEUES[f"{stage}Dlq"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert MAIN[stage]["MessageRetentionPeriod"] == 12 * 24 * 3600  # its age goes on counting there


@pytest.mark.parametrize("stage", QUEUED)
def test_the_runner_knows_after_how_many_tries_a_message_is_dead(stage: str) -> None:
    tries = MAIN[stage]["RedrivePolicy"]["maxReceiveCount"]
    assert tries == StorageSettings.model_fields["max_receive_count"].default


def test_every_queue_is_encrypted() -> None:
    assert all(queue["SqsManagedSseEnabled"] is True for queue in QUEUES.values())


@pytest.mark.parametrize("stage", QUEUED)
def test_every_function_reads_its_own_queue_and_names_the_messages_that_failed(stage: str) -> None:
    (event,) = function(stage)["Events"].values()
    source = event["Properties"]
    assert event["Type"] == "SQS"
    assert source["Queue"] == {"Fn::GetAtt": ["Media", f"Outputs.{stage}QueueArn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumConcurrency" in source["ScalingConfig"]


@pytest.mark.parametrize("stage", QUEUED)
def test_heavy_functions_take_one_video_at_a_time(stage: str) -> None:
    (event,) = function(stage)["Events"].values()
    expected = 1 if stage in EXTRACTORS else 10
    assert event["Properties"]["BatchSize"] == expected


def test_concurrency_is_within_what_lambda_accepts() -> None:
    chosen = load()["Mappings"]["Concurrency"]
    assert set(load()["Parameters"]["Throughput"]["AllowedValues"]) == set(chosen)
    for level in chosen.values():
        assert all(2 <= count <= 1000 for count in level.values())
        assert 4 * level["Heavy"] + 3 * level["Light"] < 1000  # an account's limit, with room for search


def test_uploads_go_to_five_queues_and_deletions_to_one() -> None:
    rules = resources(media(), "AWS::Events::Rule")
    targets = {
        rule["EventPattern"]["detail-type"][0]: {target["Arn"]["Fn::GetAtt"][0] for target in rule["Targets"]}
        for rule in rules.values()
    }
    assert targets == {
        "Object Created": {"IngestQueue", "VisualQueue", "OcrQueue", "SpeechQueue", "FacesQueue"},
        "Object Deleted": {"PurgeQueue"},
    }
    for rule in rules.values():
        assert len(rule["Targets"]) <= 5  # EventBridge's limit
        assert rule["EventPattern"]["detail"]["bucket"]["name"] == [{"Ref": "MediaBucket"}]
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}


def test_only_the_rule_that_fills_a_queue_may_send_to_it() -> None:
    senders: dict[str, list[str]] = {}
    for rule_name, rule in resources(media(), "AWS::Events::Rule").items():
        for target in rule["Targets"]:
            senders.setdefault(target["Arn"]["Fn::GetAtt"][0], []).append(rule_name)
            senders.setdefault("UndeliveredQueue", []).append(rule_name)
    allowed: dict[str, set[str]] = {}
    for policy in resources(media(), "AWS::SQS::QueuePolicy").values():
        (queue,) = (each["Ref"] for each in policy["Queues"])
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
        rules = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        allowed[queue] = {each["Fn::GetAtt"][0] for each in (rules if isinstance(rules, list) else [rules])}
    assert allowed == {queue: set(names) for queue, names in senders.items()}


def test_the_bucket_tells_eventbridge_and_nobody_else() -> None:
    bucket = resources(media(), "AWS::S3::Bucket")["MediaBucket"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "NotificationConfiguration" not in resources(media(), "AWS::S3::Bucket")["DerivedBucket"]


@pytest.mark.parametrize("name", ["MediaBucket", "DerivedBucket"])
def test_buckets_are_private_encrypted_kept_and_clean_up_unfinished_uploads(name: str) -> None:
    resource = media()["Resources"][name]
    bucket = resource["Properties"]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"] == {
        "DaysAfterInitiation": 1
    }
    refusals = [
        policy["PolicyDocument"]["Statement"][0]
        for policy in resources(media(), "AWS::S3::BucketPolicy").values()
        if policy["Bucket"] == {"Ref": name}
    ]
    assert [(each["Effect"], each["Condition"]) for each in refusals] == [
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    ]
