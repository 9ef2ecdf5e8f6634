"""Help, exit codes, and errors in words."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from typer.testing import CliRunner

from kadr.cli import main, target
from kadr.cli.app import app, find_root
from kadr.cli.session import Session
from kadr.cli.target import Target

COMMANDS = [
    *("up", "down", "status", "logs", "upload", "search", "videos", "video", "delete"),
    *("migrate", "redrive", "extract", "evaluate", "tune", "demo"),
]


def test_help_names_every_command():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_help_loads_nothing_heavy():
    heavy = ["boto3", "httpx", "pydantic", "numpy", "psycopg", "qdrant_client", "fastapi", "av"]
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom kadr.cli.app import app\n"
        f"CliRunner().invoke(app, ['--help'])\nprint([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["nonsense"], ["search"], ["videos", "--limit", "0"], ["--nonsense"]])
def test_wrong_usage_is_exit_code_2(stand, arguments):
    assert stand.invoke(*arguments).exit_code == 2


def test_a_stack_that_was_never_started_is_one_sentence(tmp_path):
    result = CliRunner().invoke(app, ["search", "борщ"], obj=Session(root=tmp_path))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "Error: The local stack is not running. Start it with `kadr up`, or name another with --stack.\n"
    )


def test_an_api_that_does_not_answer_says_what_to_do(stand):
    stand.api.failure = httpx.ConnectError("refused")
    result = stand.invoke("search", "борщ")
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "Error: The API at http://api.test does not answer. Start it with `kadr up`."
    )


def test_the_api_s_own_words_reach_the_user(stand):
    stand.api.failure = httpx.Response(
        503, json={"error": {"code": "unavailable", "message": "a service does not answer, try again"}}
    )
    result = stand.invoke("search", "борщ")
    assert result.exit_code == 1
    assert "a service does not answer, try again" in result.stderr


@pytest.mark.parametrize(
    "response",
    [httpx.Response(200, text="<html>hello</html>"), httpx.Response(200, json={"results": 3})],
    ids=["not json", "another program"],
)
def test_another_program_on_the_port_is_recognised(stand, response):
    stand.api.failure = response
    result = stand.invoke("search", "борщ")
    assert result.exit_code == 1
    assert "did not answer as Kadr's API does" in result.stderr


def test_a_surprise_is_a_sentence_and_with_debug_a_trace(stand, tmp_path):
    stand.api.failure = RuntimeError("surprise")
    result = stand.invoke("search", "борщ")
    assert result.exit_code == 1
    assert "surprise" in result.stderr and "--debug" in result.stderr
    assert "Traceback" not in result.output

    session = Session(root=tmp_path, stack="x", debug=True, read_target=lambda root, stack: stand.target)
    result = CliRunner().invoke(app, ["search", "борщ"], obj=session)
    assert isinstance(result.exception, RuntimeError)


def test_a_full_disk_is_one_sentence(stand):
    stand.api.failure = OSError(errno.ENOSPC, "No space left on device")
    result = stand.invoke("search", "борщ")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no space left for what is to be written.\n"


def test_closed_output_is_no_error():
    closed = 'exec "$0" -c "from kadr.cli import main; main()" --version >&- 2>&-'
    assert subprocess.run(["bash", "-c", closed, sys.executable], check=False).returncode == 0


def test_an_interrupt_before_the_commands_are_there_is_exit_code_130(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "kadr.cli.app", SimpleNamespace(run=interrupted))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


@pytest.mark.parametrize("arguments", [("upload", "none.mp4"), ("evaluate", "queries"), ("tune", "queries")])
def test_what_is_wrong_with_a_file_is_said_without_a_stack(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queries").write_text("no JSON")
    result = CliRunner().invoke(app, arguments, obj=Session(root=tmp_path))
    assert result.exit_code == 1
    assert arguments[1] in result.stderr and "not running" not in result.stderr


def test_global_options_may_stand_anywhere(tmp_path):
    for arguments in (
        ["--root", str(tmp_path), "search", "борщ"],
        ["search", "борщ", "--root", str(tmp_path)],
        ["search", f"--root={tmp_path}", "борщ"],
    ):
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code, "not running" in result.stderr) == (1, True), arguments


def test_words_after_two_dashes_are_words(stand):
    from tests.unit.cli.stand import answer

    stand.api.answers["--stack x"] = answer("--stack x")
    assert stand.invoke("search", "--json", "--", "--stack", "x").exit_code == 0


@pytest.mark.parametrize("command", ["up", "down", "demo"])
def test_a_deployed_stack_is_not_started_or_stopped(stand, command):
    result = stand.invoke(command)
    assert result.exit_code == 1
    assert "is about the local stack" in result.stderr


def test_the_checkout_is_found_from_a_folder_inside_it(tmp_path):
    (tmp_path / "shared" / "kadr").mkdir(parents=True)
    (tmp_path / "template.yaml").touch()
    inside = tmp_path / "samples" / "clips"
    inside.mkdir(parents=True)
    assert find_root(inside) == tmp_path


class TestTarget:
    STATE = {  # noqa: RUF012
        "stack_name": "kadr-local",
        "endpoint_url": "http://127.0.0.1:4566",
        "region": "us-east-1",
        "api_url": "http://127.0.0.1:8080",
        "page": None,
        "editor_page": None,
        "gateway_url": "http://127.0.0.1:4566/_aws",
        "media_bucket": "media",
        "derived_bucket": "derived",
        "qdrant_url": "http://127.0.0.1:6333",
    }

    def write(self, root, text):
        (root / ".kadr").mkdir()
        (root / ".kadr" / "stack.json").write_text(text)

    def test_the_local_stack_is_read_from_its_checkout(self, tmp_path):
        self.write(tmp_path, json.dumps(self.STATE))
        target = Target.read(tmp_path, None)
        assert target.local
        assert (target.name, target.api_url, target.media_bucket) == (
            "kadr-local",
            "http://127.0.0.1:8080",
            "media",
        )
        assert target.client("s3").meta.endpoint_url == "http://127.0.0.1:4566"

    @pytest.mark.parametrize("text", ["{", "{}", "[]"])
    def test_a_damaged_file_says_how_to_repair_it(self, tmp_path, text):
        self.write(tmp_path, text)
        result = CliRunner().invoke(app, ["videos"], obj=Session(root=tmp_path))
        assert result.exit_code == 1
        assert "is damaged" in result.stderr and "kadr down" in result.stderr

    def test_the_region_of_a_deployed_stack_is_that_of_the_environment(self, monkeypatch):
        outputs = {"ApiUrl": "https://api.test", "MediaBucket": "media", "DerivedBucket": "derived"}
        asked = []
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("AWS_REGION", "eu-north-1")
        monkeypatch.setattr(target, "_stack_outputs", lambda client, stack: asked.append(client) or outputs)
        deployed = Target.deployed("kadr-dev")
        regions = [each.meta.region_name for each in (*asked, deployed.client("s3"))]
        assert [*regions, deployed.region] == ["eu-north-1"] * 3

    def test_queues_are_reached_where_we_reach_the_emulator(self):
        target = Target(
            name="x", api_url="", media_bucket="m", derived_bucket="d", endpoint_url="http://127.0.0.1:14566",
            outputs={"OcrQueueUrl": "http://sqs.local:4566/000000000000/ocr",
                     "OcrDlqUrl": "http://sqs.local:4566/000000000000/ocr-dlq"},
        )  # fmt: skip
        (pair,) = target.queues()
        assert pair.url == "http://127.0.0.1:14566/000000000000/ocr"
        assert pair.dead_letter_url == "http://127.0.0.1:14566/000000000000/ocr-dlq"
