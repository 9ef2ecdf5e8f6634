"""The templates are valid, complete, and say the same thing everywhere."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.unit.infra.templates import NESTED, QUEUED, ROOT, TEMPLATE, load, media, resources


def test_cfn_lint_finds_nothing() -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("cfn-lint"),
            "--non-zero-exit-code",
            "informational",
            TEMPLATE,
            *NESTED,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_cfn_lint_is_told_to_ignore() -> None:
    ignored = {
        path.name: set(
            load(path).get("Metadata", {}).get("cfn-lint", {}).get("config", {}).get("ignore_checks", [])
        )
        for path in (TEMPLATE, *NESTED)
    }
    # W3002: a local path in TemplateURL, which `sam deploy` replaces
    assert {name: checks for name, checks in ignored.items() if checks} == {"observability.yaml": {"W3002"}}


@pytest.mark.parametrize("path", [TEMPLATE, *NESTED], ids=lambda path: path.name)
def test_nested_stacks_exist_and_get_the_parameters_they_declare(path: Path) -> None:
    for name, stack in resources(load(path), "AWS::CloudFormation::Stack").items():
        nested = load(path.parent / stack["TemplateURL"])
        declared = nested["Parameters"]
        given = set(stack["Parameters"])
        assert given <= set(declared), name
        required = {each for each, about in declared.items() if "Default" not in about}
        assert required <= given, name


def test_outputs_are_those_that_the_command_line_reads() -> None:
    expected = {"ApiUrl", "ApiId", "MediaBucket", "DerivedBucket", "AssembleQueueUrl"}
    expected |= {"PageUrl", "PageBucket", "PageDistributionId"}
    expected |= {f"{stage}{what}Url" for stage in QUEUED for what in ("Queue", "Dlq")}
    assert set(load()["Outputs"]) == expected


def test_every_nested_output_that_is_used_exists() -> None:
    offered = {
        name: set(load(ROOT / stack["TemplateURL"]).get("Outputs", {}))
        for name, stack in resources(load(), "AWS::CloudFormation::Stack").items()
    }
    used = [
        (name, attribute.removeprefix("Outputs."))
        for name, attribute in _attributes(load())
        if name in offered
    ]
    assert used
    assert [(name, output) for name, output in used if output not in offered[name]] == []


def _attributes(value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        found = [tuple(value["Fn::GetAtt"])] if "Fn::GetAtt" in value else []
        return found + [each for inner in value.values() for each in _attributes(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _attributes(inner)]
    return []


def test_the_api_takes_every_path_to_search() -> None:
    template = load()
    routes = resources(template, "AWS::ApiGatewayV2::Route")
    (stage,) = resources(template, "AWS::ApiGatewayV2::Stage").values()
    (integration,) = resources(template, "AWS::ApiGatewayV2::Integration").values()
    (permission,) = resources(template, "AWS::Lambda::Permission").values()
    assert routes["ApiRoute"]["RouteKey"] == "$default"
    assert {str(route["Target"]) for route in routes.values()} == {str(routes["ApiRoute"]["Target"])}
    assert integration["IntegrationUri"] == {"Fn::GetAtt": ["SearchFunction", "Arn"]}
    assert permission["FunctionName"] == {"Fn::GetAtt": ["SearchFunction", "Arn"]}
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(stage["DefaultRouteSettings"])
    assert "ApiLogGroup" in str(stage["AccessLogSettings"]["DestinationArn"])


@pytest.mark.parametrize(
    ("name", "module"), [("SpeechQueryRoute", "speech_query"), ("ImageQueryRoute", "image_query")]
)
def test_what_costs_most_has_limits_of_its_own_that_are_lower(name: str, module: str) -> None:
    path = import_module(f"functions.search.{module}").PATH
    template = load()
    (stage,) = resources(template, "AWS::ApiGatewayV2::Stage").values()
    route = resources(template, "AWS::ApiGatewayV2::Route")[name]
    assert route["RouteKey"] == f"POST {path}"
    assert name in template["Resources"]["ApiStage"]["DependsOn"]
    own, others = stage["RouteSettings"][route["RouteKey"]], stage["DefaultRouteSettings"]
    for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
        defaults = [template["Parameters"][each[limit]["Ref"]]["Default"] for each in (own, others)]
        assert defaults[0] < defaults[1]


def test_access_logs_do_not_tell_what_was_searched_for() -> None:
    (stage,) = resources(load(), "AWS::ApiGatewayV2::Stage").values()
    written = stage["AccessLogSettings"]["Format"]
    assert "$context.path" in written
    assert "query" not in written.lower()


def test_only_pages_of_the_parameter_are_let_in() -> None:
    (api,) = resources(load(), "AWS::ApiGatewayV2::Api").values()
    condition, allowed, otherwise = api["CorsConfiguration"]["Fn::If"]
    assert condition == "CalledByPages"
    assert allowed["AllowOrigins"] == {"Ref": "PageOrigins"}
    assert otherwise == {"Ref": "AWS::NoValue"}
    rule = resources(media(), "AWS::S3::Bucket")["MediaBucket"]["CorsConfiguration"]["Fn::If"][1][
        "CorsRules"
    ][0]
    assert rule["AllowedOrigins"] == {"Ref": "UploadOrigins"}


def test_no_secret_is_a_parameter() -> None:
    for path in (TEMPLATE, *NESTED):
        for name in load(path)["Parameters"]:
            assert "password" not in name.lower()
            if "secret" in name.lower():
                assert name.endswith("Arn")


def test_alarms_watch_names_that_exist() -> None:
    observed = load(ROOT / "infra" / "observability.yaml")
    stacks = resources(observed, "AWS::CloudFormation::Stack")
    watched = {stack["Parameters"]["Name"]["Fn::Sub"].replace("${Prefix}-", "") for stack in stacks.values()}
    functions = {
        function["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}-", "")
        for function in resources(load(), "AWS::Serverless::Function").values()
    }
    assert watched == functions
    queues = {
        queue["QueueName"]["Fn::Sub"].replace("${Prefix}-", "")
        for queue in resources(media(), "AWS::SQS::Queue").values()
    }
    with_queue = {
        stack["Parameters"]["Name"]["Fn::Sub"].replace("${Prefix}-", "")
        for stack in stacks.values()
        if stack["Parameters"].get("Queue") != "no"
    }
    assert with_queue | {f"{name}-dlq" for name in with_queue} | {"undelivered-dlq"} == queues
    assert "undelivered-dlq" in str(resources(observed, "AWS::CloudWatch::Alarm")["Undelivered"])


def test_a_managed_database_is_watched_and_logs_where_it_is_kept_for_a_while() -> None:
    data, alarms = load(ROOT / "infra" / "data.yaml"), load(ROOT / "infra" / "observability.yaml")
    (instance,) = resources(data, "AWS::RDS::DBInstance").values()
    watched = {
        alarm["MetricName"]
        for alarm in resources(alarms, "AWS::CloudWatch::Alarm").values()
        if alarm["Dimensions"]
        == [{"Name": "DBInstanceIdentifier", "Value": instance["DBInstanceIdentifier"]}]
    }
    assert watched == {"FreeStorageSpace", "DatabaseConnections", "CPUUtilization"}
    name = instance["DBInstanceIdentifier"]["Fn::Sub"]
    groups = resources(data, "AWS::Logs::LogGroup")
    assert {group["LogGroupName"]["Fn::Sub"] for group in groups.values()} == {
        f"/aws/rds/instance/{name}/{each}" for each in instance["EnableCloudwatchLogsExports"]
    }
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    assert set(data["Resources"]["Instance"]["DependsOn"]) == set(groups)


def test_what_costs_money_can_be_limited_and_the_page_guarded() -> None:
    stacks = resources(load(), "AWS::CloudFormation::Stack")
    assert stacks["Data"]["Parameters"]["MaxStorage"] == {"Ref": "PostgresMaxStorage"}
    assert stacks["Web"]["Parameters"]["WebAclArn"] == {"Ref": "WebAclArn"}
    search = resources(load(), "AWS::Serverless::Function")["SearchFunction"]
    assert search["ReservedConcurrentExecutions"]["Fn::If"][:2] == [
        "LimitsSearch",
        {"Ref": "SearchConcurrency"},
    ]
