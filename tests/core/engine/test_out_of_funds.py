"""An account that has nothing left: it is asked once, not once for each job, and nothing is given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork.ledger import funds
from reelwork.testing.fake_remote import FakeRemote
from reelwork_hooks import OutOfFunds, RenderRequest


def arrears(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    raise OutOfFunds("the account is in arrears.", hint="Pay what is owed, then resume the job.")


def batch(folder: Path, jobs: int) -> Path:
    path = folder / "rows.csv"
    path.write_text("prompt\n" + "".join(f"A lighthouse in the rain at night {number}\n" for number in range(jobs)))
    return path


@pytest.fixture(autouse=True)
def _remembered(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.workflow["limits"] = {"concurrent": 1}
    # On a slow machine the batch takes longer than a moment.
    monkeypatch.setattr(funds, "REMEMBERED", 3600.0)


def test_a_batch_asks_an_empty_account_once(lab: Any, remote: FakeRemote, tmp_path: Path) -> None:
    lab.control()
    remote.faults = [arrears] * 100
    before = remote.calls
    jobs = lab.studio().run_sync(batch(tmp_path, 8)).jobs
    assert {job.status for job in jobs} == {"held"}
    asked = remote.calls - before
    # A second one may have been on its way to its turn when the first was refused.
    assert asked in (1, 2)
    assert all("in arrears" in job.reason and "nothing was accepted" in job.reason for job in jobs)
    assert sum("refused a moment ago" in job.reason for job in jobs) == 8 - asked
    assert len(remote.creates) == 1


def test_when_there_is_money_again_all_are_made_once(lab: Any, remote: FakeRemote, tmp_path: Path) -> None:
    lab.control()
    remote.faults = [arrears] * 3
    studio = lab.studio()
    held = studio.run_sync(batch(tmp_path, 4)).jobs
    assert {job.status for job in held} == {"held"}
    # Resumed at once, in the same process: a person says so, and it is asked again.
    remote.faults = []
    jobs = studio.resume_sync().jobs
    assert {job.status for job in jobs} == {"done"}
    assert len(remote.creates) == 5
    assert len({prompt for _, prompt in remote.creates}) == 5


def test_another_length_is_another_price(lab: Any, remote: FakeRemote, tmp_path: Path) -> None:
    """Money that does not suffice for one request may suffice for a cheaper one."""
    lab.control()
    remote.faults = [arrears]
    path = tmp_path / "rows.csv"
    path.write_text("prompt,duration\nA lighthouse in the rain,2\nA lighthouse in the sun,1\n")
    jobs = lab.studio().run_sync(path).jobs
    assert sorted(job.status for job in jobs) == ["done", "held"]
