"""Nobody may do more than they do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.infra.templates import FUNCTIONS, QUEUED, load, policies, resources, strings

QUEUE = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ChangeMessageVisibility",
}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
MEDIA, DERIVED = "${Media.Outputs.MediaBucketArn}", "${Media.Outputs.DerivedBucketArn}"

# (action, resource) of each role, beside logs and its own queue
READS = {("s3:GetObject", f"{MEDIA}/*"), ("s3:ListBucket", "Media.Outputs.MediaBucketArn")}
REPORTS = {("sqs:SendMessage", "Media.Outputs.AssembleQueueArn")}


def keeps(prefix: str) -> set[tuple[str, str]]:
    return {
        ("s3:PutObject", f"{DERIVED}/{prefix}/*"),
        ("s3:DeleteObject", f"{DERIVED}/{prefix}/*"),
        ("s3:ListBucket", "Media.Outputs.DerivedBucketArn"),
    }


RIGHTS: dict[str, set[tuple[str, str]]] = {
    "Ingest": READS | keeps("thumbnails"),
    "Visual": READS | REPORTS,
    "Ocr": READS | REPORTS,
    "Speech": READS | REPORTS,
    "Faces": READS | REPORTS | keeps("faces"),
    "Assemble": set(),
    "Cluster": set(),
    "Search": {
        ("s3:GetObject", f"{MEDIA}/*"),
        ("s3:GetObject", f"{DERIVED}/*"),
        ("s3:DeleteObject", f"{DERIVED}/faces/*"),  # of people who are erased
        ("s3:PutObject", f"{MEDIA}/uploads/*"),
        ("s3:DeleteObject", f"{MEDIA}/*"),
    }
    | {
        ("sqs:SendMessage", f"Media.Outputs.{stage}QueueArn")  # what failed is tried again
        for stage in ("Ingest", "Visual", "Ocr", "Speech", "Faces", "Assemble")
    }
    | keeps("suggestions"),
    "Purge": READS
    | {
        ("s3:DeleteObject", f"{DERIVED}/thumbnails/*"),
        ("s3:DeleteObject", f"{DERIVED}/faces/*"),
        ("s3:ListBucket", "Media.Outputs.DerivedBucketArn"),
    },
}


def role(name: str) -> dict[str, Any]:
    return resources(load(), "AWS::IAM::Role")[f"{name}Role"]


def granted(name: str) -> set[tuple[str, str]]:
    (policy,) = role(name)["Policies"]
    return {
        (action, resource)
        for statement in policy["PolicyDocument"]["Statement"]
        for action in strings(statement["Action"])
        for resource in strings(statement["Resource"])
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_exactly_the_rights_it_uses(name: str) -> None:
    expected = set(RIGHTS[name]) | {(action, f"{name}LogGroup.Arn") for action in LOGS}
    if name in QUEUED:
        expected |= {(action, f"Media.Outputs.{name}QueueArn") for action in QUEUE}
    assert granted(name) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_role_of_its_own_that_only_lambda_may_take(name: str) -> None:
    functions = resources(load(), "AWS::Serverless::Function")
    assert functions[f"{name}Function"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    (statement,) = role(name)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_roles_have_in_common_is_the_secrets_and_traces_and_in_a_vpc_the_interfaces(name: str) -> None:
    common, network = role(name)["ManagedPolicyArns"]
    assert common == {"Ref": "CommonPolicy"}
    assert network == {"Fn::If": ["InVpc", {"Ref": "NetworkPolicy"}, {"Ref": "AWS::NoValue"}]}


def test_the_secrets_are_two_by_name() -> None:
    (secrets,) = (each for where, each in policies() if where == "template.yaml/CommonPolicy/Secrets")
    assert secrets["Action"] == "secretsmanager:GetSecretValue"
    assert set(strings(secrets["Resource"])) - {"AWS::NoValue"} == {
        "Data.Outputs.SecretArn",
        "PostgresSecretArn",
        "QdrantSecretArn",
    }


# Where AWS knows no resource to name, or asks for "*" before it accepts a role.
UNRESTRICTED = {
    "template.yaml/CommonPolicy/Traces": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    "template.yaml/NetworkPolicy/Interfaces": {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    },
}


@pytest.mark.parametrize(
    ("where", "statement"), policies(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_nothing_is_granted_wholesale(where: str, statement: dict[str, Any]) -> None:
    assert "NotAction" not in statement
    assert "NotResource" not in statement
    if statement["Effect"] == "Deny":
        return
    actions, named = strings(statement["Action"]), strings(statement["Resource"])
    assert not [action for action in actions if "*" in action]
    if "*" in named:
        assert set(actions) <= UNRESTRICTED.get(where, set())
    # below a bucket: objects, of one bucket, and nothing else has a wildcard
    assert not [name for name in named if "*" in name.removesuffix("/*") and name != "*"]
    if "Principal" in statement:
        assert statement["Principal"] != "*"
        assert "Condition" in statement


def test_whoever_lists_the_derived_bucket_says_below_what() -> None:
    lists = [
        statement
        for _, statement in policies()
        # search may read all of it, and has to be told what is not there
        if statement["Sid"] != "MissingIsNotForbidden"
        and strings(statement["Action"]) == ["s3:ListBucket"]
        and strings(statement["Resource"]) == ["Media.Outputs.DerivedBucketArn"]
    ]
    assert len(lists) == 3
    for statement in lists:
        prefixes = strings(statement["Condition"]["StringLike"]["s3:prefix"])
        assert prefixes
        assert set(prefixes) <= {"thumbnails/*", "faces/*"}
