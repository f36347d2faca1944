"""A process killed around each commit from the question for a review to the post.

Before the answer is on disk nothing is uploaded or posted, whoever resumes; after it there is one post.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import Workers

from reelwork.planning.job_state import JobData
from reelwork.store.records import DONE, HELD, REJECTED
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore

KILLED = -9
WAITS = 3


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers("review_worker.py")) as started:
        yield started


class Shop:
    """One job in a folder, which can be put back to where it waits for its review."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder, self.kept, self.workers = folder, folder.with_name("kept"), workers

    def fresh(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def keep(self) -> None:
        shutil.copytree(self.folder, self.kept)

    def back(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)

    def run(self, do: str, at: int = 0, when: str = "") -> int:
        return self.workers.wait(self.workers.start({"folder": str(self.folder), "do": do, "at": at, "when": when}))

    def commits(self) -> int:
        count: int = json.loads((self.folder / "commits.json").read_text())
        return count

    def lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def job(self) -> tuple[str, bool]:
        """The status of the job, and whether its post is approved."""
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
            review = JobData.model_validate_json(row.data).posts["board"].review
            return row.status, review is not None and bool(review.approved)

    def status(self) -> str:
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
            return row.status

    def sound(self) -> bool:
        found = check(self.folder / "store.db", time.time()).findings
        return not [one for one in found if one.level != "note"]


@pytest.fixture
def shop(tmp_path: Path, workers: Workers) -> Shop:
    made = Shop(tmp_path / "shop", workers)
    made.fresh()
    return made


def test_a_kill_while_a_review_is_asked_for_posts_nothing(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    commits = shop.commits()
    assert commits >= 2
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.fresh()
            assert shop.run("run", at, when) == KILLED
            for again in ("resume", "resume"):
                assert shop.run(again) == WAITS
                assert (shop.job(), shop.lines("calls")) == ((HELD, False), []), (at, when)
            assert shop.sound()


def test_a_kill_around_an_approval_makes_one_post_or_waits(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    shop.keep()
    assert shop.run("approve") == 0
    assert shop.lines("calls") == ["upload Rain", "post Rain"]
    commits = shop.commits()
    assert commits >= 4, "the answer, the upload, the post and its end"
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.back()
            assert shop.run("approve", at, when) == KILLED
            _, approved = shop.job()
            assert approved or not shop.lines("calls"), (at, when)
            # Whoever comes next acts on the answer, if it is there, and on nothing else.
            assert shop.run("resume") == (0 if approved else WAITS), (at, when)
            assert len(shop.lines("posts")) == approved, (at, when)
            if not approved:
                assert shop.run("approve") == 0
            assert (shop.job()[0], len(shop.lines("posts"))) == (DONE, 1), (at, when)
            assert shop.sound()


def test_two_processes_that_approve_at_once_make_one_post(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    cases = [{"folder": str(shop.folder), "do": "approve"} for _ in range(2)]
    codes = [shop.workers.wait(case) for case in [shop.workers.start(case) for case in cases]]
    # Whoever was second is told that the job has moved on.
    assert 0 in codes
    assert (shop.job()[0], shop.lines("calls"), len(shop.lines("posts"))) == (DONE, ["upload Rain", "post Rain"], 1)


def test_a_kill_around_a_refusal_posts_nothing(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    shop.keep()
    assert shop.run("reject") == WAITS
    commits = shop.commits()
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.back()
            assert shop.run("reject", at, when) == KILLED
            shop.run("resume")
            status, approved = shop.job()
            assert (approved, shop.lines("calls")) == (False, []), (at, when)
            if status == HELD:
                shop.run("reject")
            assert (shop.job()[0], shop.lines("calls")) == (REJECTED, []), (at, when)


def test_a_kill_around_other_words_posts_none_that_nobody_approved(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    shop.keep()
    assert shop.run("edit") == 0
    commits = shop.commits()
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.back()
            assert shop.run("edit", at, when) == KILLED
            _, approved = shop.job()
            assert shop.run("resume") == (0 if approved else WAITS), (at, when)
            if not approved:
                assert shop.run("edit") == 0
            assert (shop.job()[0], len(shop.lines("posts"))) == (DONE, 1), (at, when)
            assert not [line for line in shop.lines("calls") if "Rain" in line], (at, when)


def test_a_kill_around_a_new_render_asks_for_one_and_waits_again(shop: Shop) -> None:
    assert shop.run("run") == WAITS
    shop.keep()
    assert shop.run("redo") == WAITS
    for at in range(1, shop.commits() + 1):
        for when in ("before", "after"):
            shop.back()
            assert shop.run("redo", at, when) == KILLED
            assert shop.run("resume") == WAITS
            with closing(SqliteStore(shop.folder / "store.db")) as store:
                (row,) = store.jobs()
                renders = [one for one in store.effects_of(row.id) if one.kind == "submit"]
            assert len(renders) == (1 if (at, when) == (1, "before") else 2), (at, when)
            assert (shop.job(), shop.lines("calls")) == ((HELD, False), []), (at, when)
            assert shop.run("approve") == 0
            assert len(shop.lines("posts")) == 1


def test_a_kill_around_an_appeal_and_its_approval_makes_one_post_or_none(shop: Shop) -> None:
    (shop.folder / "refuses").touch()
    assert shop.run("run") == WAITS
    assert (shop.status(), shop.lines("calls")) == (REJECTED, [])
    shop.keep()
    assert shop.run("appeal") == 0
    for at, when in product(range(1, shop.commits() + 1), ("before", "after")):
        shop.back()
        assert shop.run("appeal", at, when) == KILLED
        assert (shop.status(), shop.lines("calls")) == (REJECTED if when == "before" else HELD, []), (at, when)
    assert shop.run("resume") == WAITS
    shutil.rmtree(shop.kept)
    shop.keep()
    assert shop.run("approve") == 0
    commits = shop.commits()
    assert commits >= 4, "the answer, the upload, the post and its end"
    for at, when in product(range(1, commits + 1), ("before", "after")):
        shop.back()
        assert shop.run("approve", at, when) == KILLED
        overruled = shop.status() != HELD
        assert overruled or not shop.lines("calls"), (at, when)
        assert shop.run("resume") == (0 if overruled else WAITS), (at, when)
        assert len(shop.lines("posts")) == overruled, (at, when)
        if not overruled:
            assert shop.run("approve") == 0
        assert (shop.status(), len(shop.lines("posts"))) == (DONE, 1), (at, when)
        assert shop.sound()
