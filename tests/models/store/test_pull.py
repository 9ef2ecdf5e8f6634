"""Pulling from every kind of source, with the real clients, and publishing."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("huggingface_hub")

from kadr.adapters.hub import HubRepository
from kadr.adapters.s3_weights import S3Weights
from kadr.adapters.web_files import WebFiles
from kadr.core.errors import DependencyError, WeightsRefusedError, WeightsUnavailableError
from kadr.models import convert, pull, registry
from kadr.models.catalogue import Role, WeightsFile
from kadr.models.publish import is_there, publish
from kadr.models.registry import InstalledModel
from kadr.models.sources import LocalFolder, Quiet, Source, SourceFile
from tests.models.store import servers
from tests.models.visual import small_clip

pytestmark = pytest.mark.onnx


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A CLIP as it is published, and what else lies in a repository."""
    folder = tmp_path_factory.mktemp("published")
    small_clip.write(folder)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return found | {"README.md": b"# A model", "modeling.py": b"raise SystemExit", "flax_model.msgpack": b"x"}


@pytest.fixture(scope="module")
def model(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    """The same, converted."""
    source = tmp_path_factory.mktemp("source")
    for name, content in files.items():
        (source / name).write_bytes(content)
    return convert.clip(tmp_path_factory.mktemp("models"), source, variant="small")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("ministack")
    import boto3

    with (
        servers.ministack(tmp_path_factory.mktemp("ministack")) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="weights")
        yield client


def pulled(source: Source, models: Path, variant: str = "small", **options: Any) -> InstalledModel:
    """Plan and pull a CLIP."""
    return pull.pull(pull.plan(Role.VISUAL, variant, source, **options), source, models)


def test_the_hub_gives_what_is_needed_at_the_commit_that_was_found(
    files: dict[str, bytes], model: InstalledModel, tmp_path: Path
) -> None:
    with servers.hub("someone/clip", files) as hub:
        source = HubRepository("someone/clip", endpoint=hub.url)
        installed = pulled(source, tmp_path)
        assert installed.version == model.version
        assert (installed.source, installed.revision) == (f"{hub.url}/someone/clip", servers.COMMIT)
        fetched = {
            request.rpartition("/")[2] for request in hub.requests if request.startswith("GET /someone")
        }
        assert fetched == {"model.safetensors", "config.json", "tokenizer.json"}
        # A second look finds the same commit: nothing more to do.
        again = HubRepository("someone/clip", endpoint=hub.url)
        assert pull.is_there(pull.plan(Role.VISUAL, "small", again), tmp_path) is not None


def test_a_file_that_is_not_what_the_hub_says_is_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    with servers.hub("someone/clip", files) as hub:
        hub.listed_checksums["model.safetensors"] = "0" * 64
        with pytest.raises(WeightsRefusedError, match=r"model\.safetensors from .* SHA-256 differs"):
            pulled(HubRepository("someone/clip", endpoint=hub.url), tmp_path)
    assert_nothing_installed(tmp_path)


def test_what_the_hub_does_not_have_is_said(files: dict[str, bytes], tmp_path: Path) -> None:
    with servers.hub("someone/clip", files) as hub:
        with pytest.raises(WeightsUnavailableError, match="no such revision"):
            HubRepository("someone/clip", revision="v9", endpoint=hub.url).list()
        with pytest.raises(WeightsUnavailableError, match="no repository someone/else"):
            HubRepository("someone/else", endpoint=hub.url).list()
        url = hub.url
    with pytest.raises(DependencyError, match="did not answer for someone/clip"):
        HubRepository("someone/clip", endpoint=url).list()


def test_a_repository_with_only_a_pickle_is_refused_before_anything_is_fetched(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    pickled = {name: content for name, content in files.items() if not name.endswith(".safetensors")}
    pickled["pytorch_model.bin"] = b"\x80\x02."
    with servers.hub("someone/clip", pickled) as hub:
        with pytest.raises(WeightsRefusedError, match=r"pytorch_model\.bin.*--unpickle"):
            pulled(HubRepository("someone/clip", endpoint=hub.url), tmp_path)
        assert not [request for request in hub.requests if "resolve" in request]


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/evil.json", "a/../../evil.json"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    with (
        servers.hub("someone/clip", files | {name: b"{}"}) as hub,
        pytest.raises(WeightsRefusedError, match="could lie outside"),
    ):
        pulled(HubRepository("someone/clip", endpoint=hub.url), tmp_path / "models")
    assert not list(tmp_path.rglob("evil.json"))


def test_s3_takes_what_is_published_and_gives_it_back(s3: Any, model: InstalledModel, tmp_path: Path) -> None:
    store = S3Weights("weights", "team/models")
    assert not is_there(model, store)
    publish(model, store)
    assert is_there(model, store)
    source = S3Weights("weights", "/team/models/")
    assert pull.is_there(pull.plan(Role.VISUAL, "", source), tmp_path) is None
    installed = pulled(source, tmp_path, variant="")  # the only one that there is
    assert installed.version == model.version
    manifest = (installed.directory / registry.MANIFEST).read_bytes()
    assert manifest == (model.directory / registry.MANIFEST).read_bytes()
    assert pull.is_there(pull.plan(Role.VISUAL, "", source), tmp_path) is not None
    # The model's own folder is a source as well.
    assert pulled(S3Weights("weights", "team/models/visual/small"), tmp_path / "b").version == model.version
    with pytest.raises(WeightsUnavailableError, match=r"has no visual/other; of visual it has small"):
        pulled(source, tmp_path, variant="other")


def test_s3_also_has_weights_as_their_authors_publish_them(
    s3: Any, files: dict[str, bytes], model: InstalledModel, tmp_path: Path
) -> None:
    for name, content in files.items():
        s3.put_object(Bucket="weights", Key=f"originals/{name}", Body=content)
    source = S3Weights("weights", "originals")
    installed = pulled(source, tmp_path)
    assert installed.version == model.version
    assert installed.source == "s3://weights/originals"
    assert pull.is_there(pull.plan(Role.VISUAL, "small", source), tmp_path) is not None
    s3.put_object(Bucket="weights", Key="originals/README.md", Body=b"changed")
    assert pull.is_there(pull.plan(Role.VISUAL, "small", source), tmp_path) is None


def test_s3_with_a_damaged_file_or_a_hostile_key_is_refused(
    s3: Any, model: InstalledModel, tmp_path: Path
) -> None:
    publish(model, S3Weights("weights", "damaged"))
    content = bytearray((model.directory / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    s3.put_object(Bucket="weights", Key="damaged/visual/small/model.onnx", Body=bytes(content))
    with pytest.raises(WeightsRefusedError, match=r"model\.onnx is not what its manifest says"):
        pulled(S3Weights("weights", "damaged"), tmp_path)
    assert_nothing_installed(tmp_path)
    s3.put_object(Bucket="weights", Key="hostile/../../evil.json", Body=b"{}")
    with pytest.raises(WeightsRefusedError, match="could lie outside"):
        S3Weights("weights", "hostile").list()
    with pytest.raises(WeightsUnavailableError, match="there is no bucket nowhere"):
        S3Weights("nowhere", "").list()


def test_what_is_there_in_8_bits_is_not_there_in_float(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    source = LocalFolder(folder)
    planned = pull.plan(Role.VISUAL, "small", source)
    pull.pull(planned, source, tmp_path / "models", int8=False)
    assert pull.is_there(planned, tmp_path / "models", int8=False) is not None
    assert pull.is_there(planned, tmp_path / "models", int8=True) is None


def test_a_folder_gives_what_was_published_to_it(model: InstalledModel, tmp_path: Path) -> None:
    store = LocalFolder(tmp_path / "store")
    publish(model, store)
    assert pulled(store, tmp_path / "models").version == model.version
    manifest = tmp_path / "store" / "visual" / "small" / registry.MANIFEST
    described = json.loads(manifest.read_text())
    described["files"]["../../outside.onnx"] = {"size": 1, "sha256": "0" * 64}
    manifest.write_text(json.dumps(described))
    with pytest.raises(WeightsRefusedError, match="own folder"):
        pulled(store, tmp_path / "models")


def test_links_are_followed_inside_the_folder_only(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "snapshot"
    (folder / "blobs").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes(files[name])
    (folder / "blobs" / "x").write_bytes(files["model.safetensors"])
    (folder / "model.safetensors").symlink_to("blobs/x")
    assert pulled(LocalFolder(folder), tmp_path / "models").variant == "small"
    (folder / "notes.json").symlink_to("/etc/hostname")
    with pytest.raises(WeightsRefusedError, match="leads out of"):
        pulled(LocalFolder(folder), tmp_path / "models")


def test_a_pickle_that_calls_itself_something_else_is_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    import pickle

    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes(files[name])
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weight": [1, 2]}))
    with pytest.raises(WeightsRefusedError, match="a pickle under another name"):
        pulled(LocalFolder(folder), tmp_path / "models")
    assert_nothing_installed(tmp_path / "models")


def test_a_role_alone_is_no_name_for_somebodys_weights(files: dict[str, bytes]) -> None:
    with (
        servers.hub("someone/clip", files) as hub,
        pytest.raises(WeightsUnavailableError, match=r"does not say whose weights it has.*visual/NAME"),
    ):
        pull.plan(Role.VISUAL, "", HubRepository("someone/clip", endpoint=hub.url))


def test_published_vectors_that_do_not_fit_are_refused(model: InstalledModel, tmp_path: Path) -> None:
    store = LocalFolder(tmp_path / "store")
    publish(model, store)
    planned = pull.plan(Role.VISUAL, "small", store)
    with pytest.raises(WeightsRefusedError, match="64 dimensions, and the index keeps 512"):
        pull.pull(planned, store, tmp_path / "models", indexed=True)
    assert_nothing_installed(tmp_path / "models")


def test_only_the_published_weights_pass_under_their_name(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"{}")
    with pytest.raises(WeightsRefusedError, match="not the published all-minilm-l6-v2"):
        source = LocalFolder(folder)
        pull.pull(pull.plan(Role.TEXT, "all-minilm-l6-v2", source), source, tmp_path / "models")
    assert_nothing_installed(tmp_path / "models")


class Breaking(LocalFolder):
    """A source whose connection is lost in the middle of the second file."""

    def fetch(self, file: SourceFile, to: Path, progress: Any) -> None:
        """Write half of it."""
        super().fetch(file, to, progress)
        if file.name == "model.safetensors":
            to.write_bytes(to.read_bytes()[:1000])


def test_a_broken_connection_leaves_what_was_installed_before(
    files: dict[str, bytes], model: InstalledModel, tmp_path: Path
) -> None:
    shutil.copytree(model.directory, tmp_path / "models" / "visual" / "small")
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(WeightsUnavailableError, match=r"broke off at model\.safetensors"):
        pulled(Breaking(folder), tmp_path / "models")
    assert registry.require("visual", tmp_path / "models").version == model.version
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["visual"]


def test_single_files_come_out_of_their_archives(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("notes.txt", "something else")
        opened.writestr("craft.pth", b"weights" * 1000)
    with servers.web({"v1/craft.zip": archive.getvalue(), "v1/plain.dat": b"plain"}) as url:
        wanted = [
            WeightsFile("craft.pth", url=f"{url}/v1/craft.zip"),
            WeightsFile("plain.dat", hashlib.sha256(b"plain").hexdigest(), url=f"{url}/v1/plain.dat"),
            WeightsFile("absent.dat", url=f"{url}/v1/absent.dat"),
            WeightsFile("other.pth", url=f"{url}/v1/craft.zip"),
        ]
        source = WebFiles("here", wanted, revision="v1")
        craft, plain, absent, other = source.list().files
        source.fetch(craft, tmp_path / "craft.pth", Quiet())
        source.fetch(plain, tmp_path / "plain.dat", Quiet())
        with pytest.raises(WeightsUnavailableError, match="answered 404"):
            source.fetch(absent, tmp_path / "absent.dat", Quiet())
        with pytest.raises(WeightsRefusedError, match=r"not a zip file with other\.pth in it"):
            source.fetch(other, tmp_path / "other.pth", Quiet())
    assert (tmp_path / "craft.pth").read_bytes() == b"weights" * 1000
    assert (tmp_path / "plain.dat").read_bytes() == b"plain"


def assert_nothing_installed(models: Path) -> None:
    """Neither a model nor the remains of one."""
    assert not [path for path in models.rglob("*") if path.is_file()]
