"""What all publishers share: the account they post with, and the progress of an upload."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.plugins.account_kinds import kind_named
from reelwork.testing import SampleContext, sample_job
from reelwork_hooks import Credentials, InvalidInput
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.upload_progress import upload_progress


def test_an_account_of_another_network_is_refused(tmp_path: Path) -> None:
    context = SampleContext(tmp_path)
    context.keep({"main": Credentials({"id": "1"}, {"access_token": "secret"})}, kind_named("x"))
    assert own_account(context, "main", "x").read()["id"] == "1"
    with pytest.raises(InvalidInput, match=r"The account 'main' is for x, not for tiktok\.") as raised:
        own_account(context, "main", "tiktok")
    assert raised.value.hint == "Name another `account`, or add one: reelwork accounts add tiktok --name NAME"


def test_progress_is_of_the_whole_file_and_never_above_100(tmp_path: Path) -> None:
    context, job = SampleContext(tmp_path), sample_job()
    piece = upload_progress(context, job, "uploading to X", total=200, offset=100)
    piece(50, 100)
    piece(150, 100)
    whole = upload_progress(context, job, "uploading to Discord")
    whole(10, 40)
    whole(10, None)
    assert context.progressed == [
        (job.id, 75.0, "uploading to X"), (job.id, 100.0, "uploading to X"), (job.id, 25.0, "uploading to Discord"),
    ]  # fmt: skip
