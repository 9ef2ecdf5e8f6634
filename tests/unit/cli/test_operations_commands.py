from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from kadr.cli import stack
from kadr.cli.app import app
from kadr.cli.session import Session
from tests.unit.cli.stand import stage, video


@pytest.fixture(params=[True, False], ids=["move task", "by hand"])
def dead_letters(request, stand):
    """Dead letters of two stages, on a service with and one without move tasks."""
    stand.sqs.can_move = request.param
    stand.sqs.queues = {"q/ocr-dlq": [f"ocr {n}" for n in range(23)], "q/purge-dlq": ["purge 0"]}
    return stand.sqs.queues


class TestRedrive:
    def test_everything_is_sent_again(self, stand, dead_letters):
        assert stand.json("redrive", "--json")["moved"] == {
            "ingest": 0, "visual": 0, "ocr": 23, "speech": 0, "faces": 0, "assemble": 0, "purge": 1
        }  # fmt: skip
        assert stand.sqs.queues["q/ocr"] == [f"ocr {n}" for n in range(23)]
        assert stand.sqs.queues["q/purge"] == ["purge 0"]
        assert not stand.sqs.queues.get("q/ocr-dlq")

    def test_only_the_named_stage(self, stand, dead_letters):
        assert stand.invoke("redrive", "purge").stdout == "purge: 1 sent again\n"
        assert len(stand.sqs.queues["q/ocr-dlq"]) == 23

    def test_dry_run_only_counts(self, stand, dead_letters):
        printed = stand.invoke("redrive", "--dry-run")
        assert printed.stdout == "ocr: 23 would be sent again\npurge: 1 would be sent again\n"
        assert len(stand.sqs.queues["q/ocr-dlq"]) == 23

    def test_nothing_to_do_and_no_such_stage(self, stand):
        assert "are empty" in stand.invoke("redrive").stderr
        refused = stand.invoke("redrive", "nonsense")
        assert refused.exit_code == 2


class TestMigrate:
    @pytest.fixture
    def database(self, stand, monkeypatch):
        """A database with two pending migrations; what was applied, and the address that was used."""
        from kadr.adapters import postgres, qdrant

        seen = {
            "pending": ["0001_ledger.sql", "0002_more.sql"],
            "missing": ["collection videos"],
            "fits": True,
        }

        def apply(database, *, dry_run=False):
            seen["address"] = database._address
            seen["login"] = database._credentials()
            names = seen["pending"]
            if not dry_run:
                seen["pending"] = []
            return names

        def ensure(index, *, dry_run=False):
            seen["qdrant"] = index._url
            missing, seen["missing"] = seen["missing"], seen["missing"] if dry_run else []
            return missing

        monkeypatch.setattr(postgres, "migrate", apply)
        monkeypatch.setattr(qdrant.Qdrant, "fits", lambda index: seen["fits"])
        monkeypatch.setattr(qdrant.Qdrant, "ensure", ensure)
        variables = {
            "KADR_POSTGRES_HOST": "db.internal",
            "KADR_POSTGRES_PORT": "5433",
            "KADR_POSTGRES_SECRET_ARN": "arn:secret",
            "KADR_QDRANT_URL": "http://qdrant.internal:6333",
        }

        class Services:
            def describe_stack_resource(self, *, StackName, LogicalResourceId):
                return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}"}}

            def get_function_configuration(self, *, FunctionName):
                assert FunctionName == "kadr-test-IngestFunction"
                return {"Environment": {"Variables": variables}}

            def get_secret_value(self, *, SecretId):
                assert SecretId == "arn:secret"
                return {"SecretString": json.dumps({"username": "kadr", "password": "secret"})}

        seen["variables"] = variables
        for service in ("cloudformation", "lambda", "secretsmanager"):
            stand.target.clients[service] = Services()
        return seen

    def test_applies_and_says_what(self, stand, database):
        assert stand.invoke("migrate").stdout == (
            "applied 0001_ledger.sql\napplied 0002_more.sql\napplied collection videos\n"
        )
        assert database["qdrant"] == "http://qdrant.internal:6333"
        address = database["address"]
        assert (address.host, address.port, address.database, address.sslmode) == (
            "db.internal", 5433, "kadr", "require"
        )  # fmt: skip
        assert database["login"] == {"username": "kadr", "password": "secret"}
        assert "up to date" in stand.invoke("migrate").stderr

    def test_dry_run_lists_what_is_pending(self, stand, database):
        assert stand.json("migrate", "--dry-run", "--json") == {
            "pending": ["0001_ledger.sql", "0002_more.sql", "collection videos"],
            "applied": [],
            "reindex": False,
        }
        assert stand.invoke("migrate", "--dry-run").stdout.startswith("pending 0001_ledger.sql\n")

    def test_an_index_of_another_release_has_to_be_made_anew(self, stand, database):
        database["fits"] = False
        assert "kadr reindex --fused" in stand.invoke("migrate").stderr
        assert stand.json("migrate", "--json")["reindex"] is True

    def test_a_stack_without_a_database(self, stand, database):
        del database["variables"]["KADR_POSTGRES_HOST"]
        printed = stand.invoke("migrate")
        assert printed.exit_code == 1
        assert "without KADR_POSTGRES_HOST" in printed.stderr


class TestLogs:
    def logs(self, monkeypatch, tmp_path, *arguments, lines=()):
        class Local:
            def logs(self, name, *, follow, lines):
                return iter(found)

        found = lines
        monkeypatch.setattr(stack, "local_stack", lambda root: Local())
        return CliRunner().invoke(app, ["logs", *arguments], obj=Session(root=tmp_path))

    @pytest.mark.parametrize(
        ("name", "advice"), [("ocr", "upload something"), ("search", "kadr logs api")], ids=str
    )
    def test_a_log_that_does_not_exist_yet_is_said(self, monkeypatch, tmp_path, name, advice):
        printed = self.logs(monkeypatch, tmp_path, name)
        assert (printed.exit_code, printed.stdout) == (0, "")
        assert f"No log of {name} yet." in printed.stderr and advice in printed.stderr

    def test_lines_are_shown_and_nothing_is_added(self, monkeypatch, tmp_path):
        printed = self.logs(monkeypatch, tmp_path, "ocr", lines=["a\tb", "\x1b[2Jc"])
        assert (printed.stdout, printed.stderr) == ("a       b\n\\x1b[2Jc\n", "")


class TestStatus:
    @pytest.fixture(autouse=True)
    def library(self, stand):
        stand.api.status = {
            "stages": {"ingest": {"done": 2}, "ocr": {"done": 1, "dead": 1}, "speech": {"empty": 2}},
            "models": [
                {"role": "text", "variant": "minilm", "installed": True, "detail": ""},
                {"role": "visual", "variant": "", "installed": False, "detail": "weights not installed"},
            ],
            "videos": {"searchable": 2},
        }
        stand.sqs.queues = {"q/ocr-dlq": ["x"]}
        stand.api.add(
            video("good.mp4"),
            video("bad.mp4", stages=[stage("ingest"), stage("ocr", "dead", "gave up after 5 tries")]),
        )

    def test_json_names_addresses_counts_and_failures(self, stand):
        printed = stand.json("status", "--json")
        assert printed["running"] is True
        assert printed["api_url"] == "http://api.test"
        assert printed["page"] is None
        assert printed["stages"]["ocr"] == {"done": 1, "dead": 1}
        assert printed["videos"] == {"searchable": 2}
        assert printed["dead_letters"]["ocr"] == 1
        assert [(model["role"], model["installed"]) for model in printed["models"]] == [
            ("text", True),
            ("visual", False),
        ]
        assert printed["failed"] == [
            {
                "key": "bad.mp4",
                "video_id": str(stand.id("bad.mp4")),
                "stage": "ocr",
                "state": "dead",
                "reason": "gave up after 5 tries",
                "attempts": 1,
            }
        ]

    def test_failures_of_older_videos_are_said_to_be_there(self, stand):
        stand.api.status["stages"]["ocr"]["dead"] = 4
        shown = " ".join(stand.invoke("status", "--failed").stdout.split())
        assert "bad.mp4" in shown
        assert "3 more are of older videos" in shown and "kadr extract" in shown

    def test_tables_say_which_weights_are_in_use(self, stand):
        stand.api.status["models"] = [
            {"role": "text", "variant": "minilm", "installed": True, "demo": False, "detail": ""},
            {"role": "visual", "variant": "demo", "installed": True, "demo": True, "detail": ""},
            {"role": "speech", "variant": "", "installed": False, "demo": False, "detail": "none"},
        ]
        shown = " ".join(stand.invoke("status").stdout.split())
        assert "✓ text (minilm) ✓ visual (demo) - speech" in shown
        assert [model["demo"] for model in stand.json("status", "--json")["models"]] == [False, True, False]

    def test_tables_say_what_to_do(self, stand):
        shown = stand.invoke("status").stdout
        assert "kadr redrive" in shown and "kadr status --failed" in shown
        assert "gave up after 5 tries" not in shown
        assert "gave up after 5 tries" in stand.invoke("status", "--failed").stdout

    def test_addresses_are_whole_in_a_narrow_terminal(self, stand, monkeypatch):
        service = {"name": "ministack", "running": True, "pid": 12345, "address": "http://127.0.0.1:45661",
                   "detail": "8 function processes"}  # fmt: skip
        monkeypatch.setattr(stack, "services", lambda root: [service])
        monkeypatch.setenv("COLUMNS", "60")
        session = Session(root=Path(), read_target=lambda root, name: stand.target)
        shown = CliRunner().invoke(app, ["status"], obj=session).stdout
        assert "http://127.0.0.1:45661" in shown
        assert "processes" in shown and "…" not in shown

    def test_an_api_that_is_down_is_exit_code_1_and_still_json(self, stand):
        stand.api.failure = httpx.ConnectError("refused")
        printed = stand.invoke("status", "--json")
        assert printed.exit_code == 1
        report = json.loads(printed.stdout)
        assert report["running"] is False
        assert "does not answer" in report["problem"]
        assert report["api_url"] == "http://api.test"
