"""`reelwork tokens`: shown once, kept as a hash, refused when removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.core.cli.conftest import cli, folder  # noqa: F401


def test_a_token_is_shown_once_and_stored_as_a_hash(cli: Callable[..., Any], folder: Path) -> None:  # noqa: F811
    made = cli("tokens", "add", "ana", "--scope", "approve", "--scope", "read")
    assert made.code == 0
    token = made.out.strip()
    assert len(token) > 40
    assert "ana (read, approve)" in made.err
    store = folder.parent / "data/reelwork/store.db"
    held = b"".join(path.read_bytes() for path in store.parent.rglob("store.db*") if path.is_file())
    assert b"ana" in held
    assert token.encode() not in held
    assert token.removeprefix("rwt_").encode() not in held
    listed = cli("tokens", "list", "--json")
    assert [(one["name"], one["scopes"]) for one in listed.json] == [("ana", ["read", "approve"])]
    assert token not in listed.out
    assert "ana" in cli("tokens", "list").out
    again = cli("tokens", "add", "ana", "--scope", "admin")
    assert (again.code, "already exists" in again.err) == (2, True)
    assert cli("tokens", "remove", "ana").code == 0
    assert "No tokens yet" in cli("tokens", "list").out
    gone = cli("tokens", "remove", "ana")
    assert (gone.code, "no token named 'ana'" in gone.err) == (2, True)
    with closing(sqlite3.connect(store)) as db, db:
        assert db.execute("SELECT count(*) FROM tokens").fetchone() == (0,)


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "-x", "a" * 65, "a\n"])
def test_a_name_that_cannot_be_one_is_refused(cli: Callable[..., Any], name: str) -> None:  # noqa: F811
    refused = cli("tokens", "add", "--scope", "read", "--", name)
    assert (refused.code, refused.out) == (2, "")


def test_a_list_without_a_store_makes_none(cli: Callable[..., Any], folder: Path) -> None:  # noqa: F811
    assert cli("tokens", "list", "--json").json == []
    assert not (folder.parent / "data").exists()
