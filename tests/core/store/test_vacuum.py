"""Room comes back, nothing that is needed goes, and a kill in between costs nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reelwork.store.commands import SetJob
from reelwork.store.records import ACTIVE
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.maintenance.vacuum import plan, vacuum
from reelwork.store.sqlite.workers import Owner

LATER = 100 * 86_400.0


def left(shop: Any) -> set[str]:
    found = {path.relative_to(shop.files).as_posix() for path in shop.files.rglob("*") if path.is_file()}
    return found - {"effects-sent"}


def test_a_removed_job_s_files_go_but_for_those_others_need(shop: Any) -> None:
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"), remote_id="remote_11111111")
    shop.file("work/preview/remote_11111111.mp4")
    shop.file("work/preview/cache/else.mp4")
    shared = shop.clip("assets/bb/bbbbbbbb.mp4")
    shop.done(data=shared)
    shop.now += LATER
    young = shop.done(data=shared)
    done = vacuum(shop.path, shop.now - 86_400, shop.now)
    assert (done.jobs, done.files) == (2, 2)
    assert left(shop) == {"assets/bb/bbbbbbbb.mp4", "work/preview/cache/else.mp4"}
    assert shop.store.job(young) is not None
    assert shop.sql("SELECT * FROM leftovers") == []


def test_without_an_age_no_job_goes_but_what_nobody_needs_does(shop: Any) -> None:
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"))
    waiting = shop.job()
    shop.does(waiting, *shop.submit(waiting), *shop.accepted(waiting))
    torn = "work/thumbnail/.a.jpg.1-2.part"
    for name in ("assets/cc/cccccccc.mp4", "partial/gone.part", "partial/gone.part.json", torn):
        shop.file(name)
    shop.file("assets/dd/dddddddd.mp4", age=60)
    shop.file(f"partial/render-{waiting}.part")
    planned = plan(shop.path, None, shop.now)
    assert (planned.files, planned.jobs.count) == (4, 0)
    done = vacuum(shop.path, None, shop.now)
    assert (done.jobs, done.files) == (0, 4)
    expected = {"assets/aa/aaaaaaaa.mp4", "assets/dd/dddddddd.mp4", f"partial/render-{waiting}.part"}
    assert left(shop) == expected


def test_the_download_an_edit_replaced_stays_as_long_as_its_job(shop: Any) -> None:
    from reelwork.store.commands import Tell

    original = shop.file("assets/ee/eeeeeeee.mp4")
    job = shop.done(data=shop.clip("work/edit/ffffffff.mp4"))
    shop.sql("UPDATE jobs SET status = 'active', due_at = 1")
    shop.does(job, Tell("downloaded", {"sha256": "eeeeeeee"}), shop.ended("done"))
    assert vacuum(shop.path, None, shop.now).files == 0
    shop.now += LATER
    assert vacuum(shop.path, shop.now - 86_400, shop.now).jobs == 1
    assert not original.exists()


def test_a_store_that_was_moved_keeps_its_videos(shop: Any, tmp_path: Path) -> None:
    """Its jobs name the old place; what they need is known by its hash."""
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"))
    shop.store.close()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shop.path.rename(moved / "new.db")
    shop.files.rename(moved / "new.db.files")
    assert vacuum(moved / "new.db", None, shop.now).files == 0
    assert (moved / "new.db.files/assets/aa/aaaaaaaa.mp4").exists()


def test_the_file_becomes_smaller_unless_somebody_works(shop: Any) -> None:
    for _ in range(10):
        shop.done(data={"clip": None, "text": "x" * 20_000})
    shop.now += LATER
    owner = Owner(shop.path)
    try:
        done = vacuum(shop.path, shop.now - 86_400, shop.now)
        assert (done.jobs, done.processes, done.shrunk_by) == (10, 1, 0)
        assert plan(shop.path, None, shop.now).free_bytes > 100_000
    finally:
        owner.close()
    assert vacuum(shop.path, None, shop.now).shrunk_by > 100_000


def test_a_dry_run_changes_nothing(shop: Any) -> None:
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"))
    shop.now += LATER
    before = shop.sql("SELECT * FROM jobs"), left(shop)
    planned = plan(shop.path, shop.now - 86_400, shop.now)
    assert planned.jobs.jobs == {"done": 1}
    assert (shop.sql("SELECT * FROM jobs"), left(shop)) == before


VACUUM = """
import sys
from pathlib import Path
from reelwork.store.sqlite.maintenance import vacuum
vacuum.BATCH = 3
print("begins", flush=True)
vacuum.vacuum(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
print("ended", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_killed_at_any_moment_the_store_is_whole_and_the_next_one_goes_on(shop: Any) -> None:
    number, kills = 0, 0
    for wait in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        for _ in range(6):
            number += 1
            shop.done(data={**shop.clip(f"assets/aa/aaaaaa{number:02}.mp4"), "text": "x" * 50_000})
        keys = {row[0] for row in shop.sql("SELECT key FROM jobs UNION SELECT key FROM removed_jobs")}
        money = shop.sql("SELECT count(*), sum(charged) FROM effects WHERE kind = 'submit'")
        shop.now += LATER
        command = [sys.executable, "-c", VACUUM, str(shop.path), str(shop.now - 86_400), str(shop.now)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert all(finding.level == "note" for finding in check(shop.path, shop.now).findings)
        assert {row[0] for row in shop.sql("SELECT key FROM jobs UNION SELECT key FROM removed_jobs")} == keys
        assert shop.sql("SELECT count(*), sum(charged) FROM effects WHERE kind = 'submit'") == money
    assert kills
    vacuum(shop.path, shop.now - 86_400, shop.now)
    assert left(shop) == set()
    assert len(shop.sql("SELECT * FROM removed_jobs")) == number
    assert check(shop.path, shop.now).findings == ()


def test_others_go_on_writing_meanwhile(shop: Any) -> None:
    for _ in range(6):
        shop.done()
    job = shop.job()
    shop.now += LATER
    command = [sys.executable, "-c", VACUUM, str(shop.path), str(shop.now - 86_400), str(shop.now)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    written = 0
    while process.poll() is None or not written:
        shop.does(job, SetJob(ACTIVE, "moderate-brief", shop.now))
        written += 1
    assert process.communicate()[0].split() == [b"begins", b"ended"]
    assert [row.id for row in shop.store.jobs()] == [job]
