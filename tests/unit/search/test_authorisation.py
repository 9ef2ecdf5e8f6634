"""Keys: what each is good for, and that nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from functions.search.app import create_app
from functions.search.services import services
from kadr.cli import app as command_line
from tests.fakes import ScopedKeys


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app()
    app.dependency_overrides[services] = lambda: SimpleNamespace(world=SimpleNamespace(keys=ScopedKeys()))
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("key", "scopes", "tenant"),
    [
        ("upload+edit+glossary", ["upload", "edit", "glossary"], None),
        ("edit", ["edit"], None),
        ("acme:glossary", ["glossary"], "acme"),
        ("other", [], None),
    ],
)
def test_a_session_says_what_its_key_is_good_for(client, key, scopes, tenant):
    answer = client.get("/session", headers={"Authorization": f"Bearer {key}"})
    assert answer.json() == {"scopes": scopes, "tenant": tenant}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X-Api-Key": "revoked:edit"}])
def test_without_a_valid_key_there_is_no_session(client, headers):
    answer = client.get("/session", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "kadr key create" in answer.json()["error"]["message"]


def test_a_key_of_another_scope_is_told_which_one_it_takes(client):
    answer = client.get("/glossary", headers={"Authorization": "Bearer edit"})
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": "forbidden",
        "message": "this key is not for that: it takes one with the scope `glossary`",
    }


def test_the_command_line_knows_the_scopes():
    refused = CliRunner().invoke(command_line.app, ["key", "create", "me", "--scope", "everything"])
    assert refused.exit_code == 2
    assert "upload, edit, glossary" in " ".join(refused.stderr.replace("│", " ").split())
