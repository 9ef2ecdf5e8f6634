"""What goes into zip files, layers and images."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.infra.templates import FUNCTIONS, ROOT, load, resources

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (ROOT / "infra" / "images" / "Dockerfile").read_text(encoding="utf-8")
IMAGES = [
    name
    for name, one in resources(load(), "AWS::Serverless::Function").items()
    if one.get("PackageType") == "Image"
]
ZIPS = ["IngestFunction", "AssembleFunction", "PurgeFunction"]

requirements = runpy.run_path(str(ROOT / "infra" / "images" / "requirements.py"))


def names(lines: list[str]) -> set[str]:
    return {requirements["name"](line) for line in lines if line and not line.startswith("#")}


# ------------------------------------------------------------------- zip files


def test_every_function_is_either_an_image_or_a_zip_file() -> None:
    assert sorted(IMAGES + ZIPS) == sorted(f"{name}Function" for name in FUNCTIONS)


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_file_holds_what_its_handler_imports(name: str, tmp_path: Path) -> None:
    subprocess.run(
        ["make", "--silent", "--file", "functions/Makefile", f"build-{name}"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACTS_DIR": str(tmp_path)},
        check=True,
        timeout=60,
    )
    room = name.removesuffix("Function").lower()
    assert {each.name for each in tmp_path.iterdir()} == {"functions", "kadr"}
    assert {each.name for each in (tmp_path / "functions").iterdir()} == {"__init__.py", room}
    # -P: not from the folder that this runs in; the paths of the checkout itself are taken away
    program = (
        "import sys;"
        f"sys.path[:] = [{str(tmp_path)!r}] + [p for p in sys.path if not p.startswith({str(ROOT)!r})"
        " or 'site-packages' in p];"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__.lower()];"
        f"import functions.{room}.handler as room, kadr;"
        "print(room.__file__); print(kadr.__file__); print(callable(room.handler))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    handler, package, is_callable = done.stdout.split()
    assert handler.startswith(str(tmp_path))
    assert package.startswith(str(tmp_path))
    assert is_callable == "True"


# ---------------------------------------------------------------------- layers


@pytest.mark.parametrize("layer", ["data", "media"])
def test_layers_have_nothing_that_the_project_does_not_ask_for(layer: str) -> None:
    listed = names((ROOT / "layers" / layer / "requirements.txt").read_text(encoding="utf-8").splitlines())
    extra = requirements["requirements"](PROJECT, "ingest") + requirements["requirements"](
        PROJECT, "assemble"
    )
    assert listed
    assert listed <= names(extra)


def test_layers_of_a_zip_function_have_what_the_shared_code_stands_on() -> None:
    listed = names((ROOT / "layers" / "data" / "requirements.txt").read_text(encoding="utf-8").splitlines())
    base = names(PROJECT["dependencies"]) - requirements["NOT_IN_IMAGES"] - {"boto3"}  # Lambda has boto3
    assert base <= listed


def test_psycopg_comes_with_the_same_extras_everywhere() -> None:
    lines = (ROOT / "layers" / "data" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (layer,) = (line for line in lines if line.startswith("psycopg"))
    (project,) = (line for line in PROJECT["dependencies"] if line.startswith("psycopg"))
    assert project.startswith(layer)


@pytest.mark.parametrize("name", ["DataLayer", "MediaLayer"])
def test_every_layer_has_a_recipe(name: str) -> None:
    recipe = (ROOT / "layers" / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^build-{name}: list = ", recipe, re.MULTILINE)
    resource = load()["Resources"][name]
    assert resource["Metadata"]["BuildMethod"] == "makefile"
    assert resource["Metadata"]["WorkingDirectory"] == "."


# ---------------------------------------------------------------------- images


@pytest.mark.parametrize("name", IMAGES)
def test_every_image_is_made_by_the_one_recipe(name: str) -> None:
    metadata = load()["Resources"][name]["Metadata"]
    function = name.removesuffix("Function").lower()
    assert (ROOT / metadata["DockerContext"] / metadata["Dockerfile"]).is_file()
    assert metadata["DockerBuildArgs"] == {"FUNCTION": function}
    assert f"FROM {metadata['DockerBuildTarget']}" not in DOCKERFILE  # it is the last stage
    assert re.search(
        rf"^FROM system-\${{FUNCTION}} AS {metadata['DockerBuildTarget']}$", DOCKERFILE, re.MULTILINE
    )
    assert re.search(rf"^FROM base AS system-{function}$", DOCKERFILE, re.MULTILINE)
    assert function in PROJECT["optional-dependencies"]


def test_images_begin_with_debian_and_end_without_rights() -> None:
    assert re.search(r"^FROM python:3\.11-slim-\w+ AS base$", DOCKERFILE, re.MULTILINE)
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["python", "-m", "awslambdaric"]' in last
    assert "ADD " not in DOCKERFILE
    assert "http" not in "".join(line for line in DOCKERFILE.splitlines(True) if not line.startswith("#"))


def test_everything_that_is_copied_is_there_and_is_let_into_the_build() -> None:
    allowed = [
        line.removeprefix("!").strip()
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert len(copied) >= 6
    for source in copied:
        path = source.replace("${WEIGHTS}", "infra/images/weights").replace("${FUNCTION}", "ocr").rstrip("/")
        assert (ROOT / path).exists(), path
        assert any(path == each or path.startswith(f"{each}/") for each in allowed), path


def test_language_data_goes_into_ocr_alone() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    with_data = [stage.split()[2] for stage in stages if "tesseract-ocr-rus" in stage]
    assert with_data == ["system-ocr"]
    assert load()["Parameters"]["TessdataDir"]["Default"] == "/usr/share/tesseract-ocr/5/tessdata"


@pytest.mark.parametrize(
    ("function", "has", "has_not"),
    [
        ("ocr", {"tesserocr", "rapidocr", "av"}, {"dlib-bin", "faster-whisper", "fastapi", "torch"}),
        ("faces", {"dlib-bin", "setuptools", "av"}, {"tesserocr", "faster-whisper", "torch"}),
        ("speech", {"faster-whisper", "av"}, {"dlib-bin", "tesserocr", "torch"}),
        ("visual", {"onnxruntime", "av"}, {"dlib-bin", "tesserocr", "torch"}),
        (
            "cluster",
            {"hdbscan", "scikit-learn", "onnxruntime"},
            {"av", "dlib-bin", "fastapi", "matplotlib", "torch"},
        ),
        ("search", {"fastapi", "mangum", "av", "faster-whisper"}, {"dlib-bin", "tesserocr", "torch"}),
    ],
)
def test_an_image_has_its_functions_packages_and_no_others(
    function: str, has: set[str], has_not: set[str]
) -> None:
    installed = names(requirements["requirements"](PROJECT, function))
    assert has | {"awslambdaric", "psycopg", "qdrant-client"} <= installed
    assert not installed & (has_not | {"typer", "rich", "pytest", "ministack"})


def test_every_package_of_an_image_is_pinned() -> None:
    pinned = {
        requirements["name"](line)
        for line in (ROOT / "constraints" / "py311.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    for function in FUNCTIONS:
        assert names(requirements["requirements"](PROJECT, function.lower())) <= pinned


@pytest.mark.parametrize("function", [name.lower() for name in FUNCTIONS])
def test_an_image_gets_the_weights_of_its_roles(function: str, tmp_path: Path) -> None:
    for role in ("visual", "text", "translation", "speech", "vad", "faces", "ocr"):
        (tmp_path / "from" / role / "some").mkdir(parents=True)
        (tmp_path / "from" / role / "some" / "model.onnx").write_bytes(role.encode())
    done = bake(function, tmp_path)
    assert done.returncode == 0, done.stderr
    baked = {each.name for each in (tmp_path / "to").iterdir()}
    own = {
        "visual": "visual",
        "ocr": "text",
        "speech": "speech",
        "faces": "faces",
        "search": "text",
        "cluster": "visual",
    }.get(function)
    assert baked == set() if own is None else own in baked
    for role in baked:
        assert (tmp_path / "to" / role / "some" / "model.onnx").read_bytes() == role.encode()


def test_search_gets_the_small_whisper_alone(tmp_path: Path) -> None:
    for variant in ("whisper-base", "whisper-medium"):
        (tmp_path / "from" / "speech" / variant).mkdir(parents=True)
        (tmp_path / "from" / "speech" / variant / "model.bin").write_bytes(b"weights")
    assert bake("search", tmp_path).returncode == 0
    assert [each.name for each in (tmp_path / "to" / "speech").iterdir()] == ["whisper-base"]
    assert (tmp_path / "to" / "speech" / "whisper-base" / "model.bin").read_bytes() == b"weights"


def test_weights_that_are_missing_are_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    done = bake("visual", tmp_path)
    assert done.returncode == 0
    assert "visual: none here" in done.stdout
    assert list((tmp_path / "to").iterdir()) == []


def test_an_image_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    done = bake("vision", tmp_path)
    assert done.returncode != 0
    assert "no such function: vision" in done.stderr


def bake(function: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ROOT / "infra/images/weights.sh", function, folder / "from", folder / "to"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_an_image_without_its_packages_is_not_made() -> None:
    """What may fail in a step of the Dockerfile, fails by itself: `a && b || true` forgives both."""
    text = (ROOT / "infra/images/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if "|| true" in line:
            assert re.search(r"\{ [^{}]*\|\| true; \}", line), line


# ---------------------------------------------------------------------- stages


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_every_stage_can_be_deployed_and_asks_for_parameters_that_exist(stage: str) -> None:
    import yaml

    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploy = config[stage]["deploy"]["parameters"]
    assert deploy["stack_name"] == f"kadr-{stage}"
    assert "CAPABILITY_AUTO_EXPAND" in deploy["capabilities"]
    (reference,) = deploy["parameter_overrides"]
    values = yaml.safe_load((ROOT / reference.removeprefix("file://")).read_text(encoding="utf-8"))
    assert values.pop("$include") == f"addresses-{stage}.yaml"
    declared = load()["Parameters"]
    for name, value in values.items():
        allowed = declared[name].get("AllowedValues")
        assert allowed is None or value in allowed, name


def test_production_is_shown_before_it_is_changed() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    assert config["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
