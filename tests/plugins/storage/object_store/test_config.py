from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork_hooks import Phase
from reelwork_plugins.storage.object_store import Storage, StorageConfig
from reelwork_plugins.storage.object_store.config import Place, link_life
from reelwork_plugins.storage.object_store.connect import open_bucket


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"url": "s3://clips"}, Place("s3", "clips")),
        ({"url": "s3://clips/brand-a/2026/"}, Place("s3", "clips", "brand-a/2026")),
        ({"url": "gs://clips/a"}, Place("gcs", "clips", "a")),
        ({"url": "az://clips/a"}, Place("azure", "clips", "a")),
        ({"url": "file:///srv/my%20clips"}, Place("file", "", folder=Path("/srv/my clips"))),
        ({"provider": "s3", "bucket": "clips", "region": "eu-west-1"}, Place("s3", "clips")),
        ({"provider": "gcs", "bucket": "env:STORAGE_BUCKET"}, Place("gcs", "env:STORAGE_BUCKET")),
    ],
)
def test_a_place_has_two_spellings(settings: dict[str, Any], place: Place) -> None:
    assert StorageConfig(**settings).place == place


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "give either url"),
        ({"provider": "s3"}, "both provider and bucket"),
        ({"bucket": "clips"}, "both provider and bucket"),
        ({"url": "s3://clips", "bucket": "clips"}, "give either url"),
        ({"url": "https://clips.s3.amazonaws.com"}, "url begins with"),
        ({"url": "s3://"}, "names no bucket: write s3://BUCKET"),
        ({"url": "s3://key:secret@clips"}, "must not hold credentials or options"),
        ({"url": "s3://clips?region=x"}, "they have settings of their own"),
        ({"url": "s3://clips/{date}"}, "write them in key"),
        ({"url": "s3://clips/../other"}, r"must not hold `\.\.`"),
        ({"url": "file://srv/clips"}, "three slashes"),
        ({"provider": "dropbox", "bucket": "clips"}, "'s3', 'gcs' or 'azure'"),
        ({"url": "gs://clips", "region": "eu-west-1"}, "region is a setting of s3, and this store is gcs"),
        ({"url": "s3://clips", "account_key": "env:KEY"}, "account_key is a setting of azure"),
        ({"url": "s3://clips", "endpoint": "http://127.0.0.1:9000"}, "allow_http = true"),
        ({"url": "s3://clips", "access_key_id": "env:ID"}, "belong together"),
        ({"url": "s3://clips", "session_token": "env:T"}, "give all three"),
        ({"url": "s3://clips", "secret_access_key": "wJalrXUtnFEMI"}, "give a reference"),
        ({"url": "az://clips", "account_key": "env:K", "sas": "env:S"}, "not both"),
        ({"url": "gs://clips", "service_account": "file:k", "token": "env:T"}, "not both"),
        ({"url": "s3://clips", "presign": "8d"}, "7d at most"),
        ({"url": "s3://clips", "presign": "soon"}, "such as 12h or 7d"),
        ({"url": "file:///srv", "presign": "1h"}, "no presigned links"),
        ({"url": "az://clips", "sas": "env:S", "presign": "1h"}, "needs account_key"),
        ({"url": "gs://clips", "token": "env:T", "presign": "1h"}, "needs service_account"),
        ({"url": "s3://clips", "verify": "maybe"}, "'head' or 'read'"),
        ({"url": "s3://clips", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        StorageConfig(**settings)
    assert "wJalrXUtnFEMI" not in str(caught.value)


def test_the_life_of_a_link() -> None:
    assert link_life("7d") == timedelta(days=7)
    assert link_life("90m") == timedelta(minutes=90)


def test_it_runs_after_everything_that_changes_the_video() -> None:
    assert Storage.phase is Phase.STORE


def test_credentials_are_read_when_the_store_is_opened_and_only_those_given() -> None:
    config = StorageConfig(
        url="s3://clips", region="eu-west-1", access_key_id="env:ID", secret_access_key="file:key",
        endpoint="https://store.example",
    )  # fmt: skip
    asked: list[str] = []

    def secret(reference: str) -> str:
        asked.append(reference)
        return f"read {reference}"

    bucket: Any = open_bucket(config, secret)
    assert asked == ["env:ID", "file:key"]
    assert bucket.store.config["secret_access_key"] == "read file:key"
    assert (bucket.store.config["region"], bucket.store.config["endpoint"]) == (
        "eu-west-1",
        "https://store.example",
    )
    assert bucket.address("a/b.mp4") == "s3://clips/a/b.mp4"


WITHOUT_OBSTORE = """
import sys
sys.modules["obstore"] = None  # Python's own way to say that a module is not there.
from reelwork.cli import main
sys.argv = ["reelwork", "plugins", "list", *sys.argv[1:]]
main()
"""


def test_without_obstore_the_list_of_plugins_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_OBSTORE, "--json"]
    environment = os.environ | {"HOME": str(tmp_path)}
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    listed = json.dumps(json.loads(answer.stdout))
    assert "obstore is not installed" in listed
    assert 'pip install \\"reelwork[storage]\\"' in listed
