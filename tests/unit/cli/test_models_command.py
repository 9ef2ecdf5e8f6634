"""``kadr models`` as a user meets it, with weights that no engine looks at."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from kadr.cli.app import app
from kadr.cli.session import Session
from kadr.models import catalogue, registry
from kadr.models.catalogue import Role

FILES = {
    "model.bin": b"CT2" * 1000,
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"a\nb\n",
}


@pytest.fixture
def kadr(tmp_path, monkeypatch):
    """The command line on a checkout without weights."""
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments):
        return CliRunner().invoke(app, ["models", *map(str, arguments)], obj=Session(root=tmp_path))

    return invoke


@pytest.fixture
def whisper(tmp_path):
    """A Whisper that is in CTranslate2's format already."""
    folder = tmp_path / "faster-whisper-base"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text("not wanted")
    return folder


@pytest.fixture
def models(tmp_path):
    return tmp_path / ".kadr" / "models"


def rows(kadr, role):
    answer = kadr("list", "--json")
    assert answer.exit_code == 0
    return {row["variant"]: row for row in json.loads(answer.stdout) if row["role"] == role}


def test_the_list_says_of_every_role_what_helps(kadr):
    found = json.loads(kadr("list", "--json").stdout)
    assert {row["role"] for row in found} == {str(role) for role in Role}
    missing = rows(kadr, "speech")["whisper-base"]
    assert (missing["installed"], missing["used"], missing["size"]) == (False, False, None)
    assert missing["install"] == "kadr models pull speech/whisper-base"
    shown = kadr("list").stdout
    assert "speech: not installed; to have it: kadr models pull speech/whisper-medium" in shown
    assert "Apache-2.0" in shown


def test_pull_from_a_folder_then_list_then_nothing_to_do(kadr, whisper, models):
    planned = kadr("pull", "speech/whisper-base", "--from", whisper, "--dry-run")
    assert planned.exit_code == 0
    assert "would fetch model.bin  3.0 kB" in planned.stdout and "README" not in planned.stdout
    assert not models.exists() or not list(models.rglob("manifest.json"))
    pulled = kadr("pull", "speech/whisper-base", "--from", whisper)
    assert pulled.exit_code == 0, pulled.output
    assert "speech: whisper-base@" in pulled.stdout
    folder = models / "speech" / "whisper-base"
    assert {path.name for path in folder.iterdir()} == {*FILES, "manifest.json"}
    row = rows(kadr, "speech")["whisper-base"]
    assert row["used"] and row["size"] == sum(map(len, FILES.values())) and row["licence"] == "MIT"
    before = (folder / "manifest.json").stat().st_mtime_ns
    for arguments in (("--from", whisper), ()):
        assert "is there" in kadr("pull", "speech/whisper-base", *arguments).stdout
    assert (folder / "manifest.json").stat().st_mtime_ns == before


def test_somebodys_own_variant_says_where_it_is_from_and_what_is_not_known(kadr, whisper):
    assert kadr("pull", "speech/ours").exit_code == 1
    kadr("pull", "speech/ours", "--from", whisper, "--licence", "ours alone")
    row = rows(kadr, "speech")["ours"]
    assert (row["title"], row["licence"], row["source"]) == (
        "your own", "ours alone", "folder:faster-whisper-base"
    )  # fmt: skip
    other = kadr("pull", "speech/whisper-base", "--from", whisper)
    assert other.exit_code == 0
    third = kadr("convert", "speech/third", whisper)
    assert "goes on using whisper-base" in third.stderr


def test_a_variant_is_used_and_taken_back(kadr, whisper):
    for variant in ("whisper-base", "ours"):
        assert kadr("convert", f"speech/{variant}", whisper).exit_code == 0
    used = kadr("use", "speech/ours")
    assert used.exit_code == 0
    assert "ours" in used.stdout
    assert rows(kadr, "speech")["ours"]["used"]
    back = kadr("rollback", "speech")
    assert back.exit_code == 0
    assert rows(kadr, "speech")["whisper-base"]["used"]
    again = kadr("rollback", "speech")
    assert (again.exit_code, "nothing to take back" in again.stderr) == (1, True)
    missing = kadr("use", "speech/other")
    assert (missing.exit_code, "installed are: ours, whisper-base" in missing.stderr) == (1, True)


def test_verify_finds_a_flipped_byte(kadr, whisper, models):
    kadr("convert", "speech/whisper-base", whisper)
    assert kadr("verify", "speech").exit_code == 0
    path = models / "speech" / "whisper-base" / "model.bin"
    content = bytearray(path.read_bytes())
    content[1500] ^= 1
    path.write_bytes(content)
    found = kadr("verify", "speech")
    assert found.exit_code == 1
    assert "✗ speech/whisper-base  model.bin is not the file that it should be" in found.stdout
    assert found.stderr.startswith("Error: 1 of 1 are not what they should be.")
    # What is damaged is not "there": a pull mends it.
    assert "installed in" in kadr("pull", "speech/whisper-base", "--from", whisper).stdout
    assert kadr("verify", "speech").exit_code == 0


def test_publish_then_pull_gives_the_same(kadr, whisper, models, tmp_path):
    kadr("convert", "speech/whisper-base", whisper)
    store = tmp_path / "store"
    assert "would publish" in kadr("publish", "speech", store, "--dry-run").stdout
    assert not store.exists()
    assert "published whisper-base@" in kadr("publish", "speech", store).stdout
    assert "already" in kadr("publish", "speech", store).stdout
    elsewhere = tmp_path / "elsewhere"
    assert kadr("pull", "speech", "--from", store, "--models", elsewhere).exit_code == 0
    one, other = (registry.require("speech", folder) for folder in (models, elsewhere))
    assert one.version == other.version
    assert one.source == other.source  # where it was published, not where it was pulled from


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pull", "nonsense"), 2, "there is no role 'nonsense'"),
        (("pull", "speech/../../etc"), 2, "cannot be the name of a variant"),
        (("pull", "speech/"), 2, "cannot be the name of a variant"),
        (("pull", "speech", "--from", "/no/such/folder"), 2, "/no/such/folder is not a folder"),
        (("pull", "speech", "--from", "owner/name"), 2, "for the hub write hf:owner/name"),
        (("pull", "speech", "--from", "ftp://host/x"), 2, "is not a place for weights"),
        (("pull", "speech", "--from", "s3:///x"), 2, "is not an address of S3"),
        (("pull", "speech", "--from", ".", "--revision", "main"), 2, "--revision"),
        (("publish", "speech", "store"), 1, "weights not installed: speech"),
        (("publish", "speech/none", "store"), 1, "weights not installed: speech/none"),
        (("verify", "speech"), 1, "speech is not installed"),
        (("convert", "speech", "/no/such/folder"), 2, "does not exist"),
        (("convert", "speech", "."), 2, "speech/NAME"),
        (("calibrate", "speech"), 2, "nothing to calibrate"),
        (("calibrate", "visual"), 1, "weights not installed: visual"),
    ],
)
def test_what_cannot_be_done_is_one_line(kadr, arguments, code, said):
    answer = kadr(*arguments)
    assert answer.exit_code == code
    shown = " ".join(answer.stderr.replace("│", " ").split())
    assert said in shown
    if code == 1:
        assert len(answer.stderr.strip().splitlines()) == 1


def test_weights_whose_vectors_do_not_fit_the_index_are_not_put_into_use(kadr, models):
    directory = models / "visual" / "large"
    directory.mkdir(parents=True)
    weights = catalogue.entries(Role.VISUAL)[0]
    for name in weights.files:
        (directory / name).write_bytes(b"x")
    registry.write_manifest(directory, weights, variant="large", dimensions=768, converted_by="a test")
    refused = kadr("use", "visual/large")
    assert refused.exit_code == 1
    assert "visual/large have 768 dimensions, and the index keeps 512 for visual" in refused.stderr


def test_a_refused_model_is_listed_with_its_reason(kadr, models):
    directory = models / "speech" / "whisper-base"
    directory.mkdir(parents=True)
    (directory / "model.pt").write_bytes(b"weights")
    registry.write_manifest(
        directory, catalogue.entries(Role.SPEECH)[1], files=["model.pt"], converted_by="a test"
    )
    row = rows(kadr, "speech")["whisper-base"]
    assert row["installed"] and not row["used"] and "pickles" in row["problem"]
    assert "✗ refused" in kadr("list").stdout
    assert kadr("verify").exit_code == 1


def test_a_deployed_stack_has_no_folder_of_weights(tmp_path):
    deployed = Session(root=tmp_path, stack="kadr-dev")
    refused = CliRunner().invoke(app, ["models", "list"], obj=deployed)
    assert refused.exit_code == 1
    assert "names kadr-dev. Leave it out, or name a folder with --models" in refused.stderr
    named = CliRunner().invoke(app, ["models", "list", "--models", str(tmp_path)], obj=deployed)
    assert named.exit_code == 0


def test_help_names_what_there_is(kadr):
    shown = kadr("--help").stdout
    for command in ("list", "pull", "verify", "convert", "publish", "calibrate"):
        assert command in shown
    assert "--unpickle" in kadr("pull", "--help").stdout
