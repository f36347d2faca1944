from __future__ import annotations

import gc
import logging
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("reelwork", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reelwork")

HERE = Path(__file__).parent
SLOW = tuple(
    HERE / place
    for place in (
        "core/cli/test_afar.py",
        "core/cli/test_appeals.py",
        "core/cli/test_every_command.py",
        "core/cli/test_in_doubt.py",
        "core/cli/test_mcp.py",
        "core/cli/test_posts.py",
        "core/cli/test_sheet_and_open.py",
        "core/cli/test_store.py",
        "core/cli/test_terminal.py",
        "core/cli/test_waits.py",
        "core/cli/test_watch_and_history.py",
        "core/engine/test_appeals.py",
        "core/engine/test_traces.py",
        "core/planning/batches/test_earlier_store.py",
        "core/planning/batches/test_respelled.py",
        "core/server/browser",
        "core/server/test_access.py",
        "core/server/test_api_acts.py",
        "core/server/test_api_appeals.py",
        "core/server/test_api_reading.py",
        "core/server/test_api_reviews.py",
        "core/server/test_api_schedules.py",
        "core/server/test_api_schema.py",
        "core/server/test_api_streams.py",
        "core/server/test_brands.py",
        "core/server/test_links.py",
        "core/server/test_page_acts.py",
        "core/server/test_pulse.py",
        "core/server/test_review_links.py",
        "core/server/test_sharing.py",
        "core/server/test_traces.py",
        "core/server/test_webhooks_served.py",
        "core/server/test_webhooks_settle.py",
        "core/store/test_lost.py",
        "core/testing/conformance",
        "core/testing/test_pytest_plugin.py",
        "docs/test_api_page.py",
        "docs/test_examples.py",
        "docs/test_pages.py",
        "examples",
        "faults",
        "packaging",
        "performance",
        "plugins/finishing/test_c2pa_chains.py",
        "plugins/finishing/test_c2pa_key_services.py",
        "plugins/finishing/test_c2pa_time_stamps.py",
        "plugins/finishing/test_loudness.py",
        "plugins/finishing/test_moving_window.py",
        "plugins/finishing/test_outputs_in_chromium.py",
        "plugins/finishing/test_stitch.py",
        "plugins/finishing/test_transcode.py",
        "plugins/finishing/test_conformance.py",
        "plugins/publishers/facebook/test_conformance.py",
        "plugins/publishers/instagram/test_conformance.py",
        "plugins/publishers/linkedin/test_conformance.py",
        "plugins/publishers/threads/test_conformance.py",
        "plugins/publishers/tiktok/test_conformance.py",
        "plugins/publishers/webhook/test_conformance.py",
        "plugins/publishers/x/test_conformance.py",
        "plugins/publishers/youtube/test_conformance.py",
        "plugins/simulator/test_network_discord.py",
        "plugins/simulator/test_network_facebook.py",
        "plugins/simulator/test_network_instagram.py",
        "plugins/simulator/test_network_linkedin.py",
        "plugins/simulator/test_network_mastodon.py",
        "plugins/simulator/test_network_telegram.py",
        "plugins/simulator/test_network_threads.py",
        "plugins/simulator/test_network_tiktok.py",
        "plugins/simulator/test_network_webhook.py",
        "plugins/simulator/test_network_x.py",
        "plugins/simulator/test_network_youtube.py",
        "plugins/storage/test_conformance.py",
        "plugins/test_conformance.py",
        "services",
        "strangers",
        "tutorial",
    )
)
"""What is left to `make verify`: it starts many processes or real servers, or waits for clocks."""
LONG = tuple(HERE / place for place in ("faults", "packaging", "performance", "services", "strangers"))
"""What is begun first: a long test that is begun last is waited for alone."""
SPREAD = {
    "core/cli/test_every_command.py": 3,
    "core/cli/test_plugins_new.py": 2,
    "core/server/browser/test_pages.py": 4,
    "core/server/browser/test_walks.py": 3,
    "core/store/test_migrations.py": 2,
    "faults/test_kill_batch.py": 4,
    "faults/test_misbehaviour.py": 2,
    "faults/test_soak.py": 2,
    "faults/test_matrix.py::test_killed_anywhere_pays_and_posts_once": 6,
    "packaging/test_new_plugin.py": 4,
    "packaging/test_plugins_install.py": 4,
    "services/storage/test_conformance.py": 3,
    "services/storage/test_storage_services.py": 2,
    "services/test_litellm_proxy.py": 2,
    "strangers/test_a01_controls.py": 7,
    "strangers/test_a01_one_control.py": 2,
    "strangers/test_a01_what_lists_show.py": 4,
    "strangers/test_a08_rows_known_by_spelling.py": 3,
    "strangers/test_b_ways_to_the_bytes.py": 3,
    "strangers/test_c_poisoned_answers.py": 4,
    "strangers/test_d_secrets.py": 3,
    "strangers/test_e_the_border.py": 3,
    "strangers/test_e_the_terminal_stays_ours.py": 4,
    "strangers/test_f_messages.py": 3,
    "strangers/test_f_proxies.py": 2,
    "strangers/test_f_simulator_doors.py": 2,
    "strangers/test_f_wrong_input.py": 3,
}
"""Of so many cases of a parametrized slow test, one is taken, counted over the whole file.

Each case takes seconds, and is like its neighbours. `make verify WHOLE=1` takes them all.
"""
TOGETHER = (
    "core/cli/test_afar.py",
    "core/cli/test_every_command.py",
    "core/cli/test_mcp.py",
    "core/server/",
    "plugins/finishing/test_outputs_in_chromium.py",
    "plugins/simulator/",
    "services/bluesky/",
    "services/mastodon/",
    "services/storage/",
    "services/test_litellm_proxy.py",
)
"""Whose tests share a server or a browser, started once in each worker that has one of them.

Those of a real server go to one worker, others file by file.
"""
WHOLE = "REELWORK_WHOLE"

GARBAGE_AFTER = 10_000
"""Objects that may be added before Python looks for garbage."""
ROOM = 8 * 2**30
"""Bytes that must be free in memory for the tests to keep their files there."""
ROOT = "PYTEST_DEBUG_TEMPROOT"
"""Names the folder for the tests' files: https://docs.pytest.org/en/stable/reference/reference.html."""
_HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    _keep_files_in_memory()
    # Without compiled modules, a command takes twice as long to start: most of what many tests wait for.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # A test that names no store or account must not find those of the person who runs it.
    home = config.stash[_HOME] = tempfile.mkdtemp(prefix="reelwork-tests-", dir=os.environ.get(ROOT))
    os.environ["XDG_DATA_HOME"] = home
    os.environ["REELWORK_ACCOUNTS"] = str(Path(home) / "accounts.json")
    places = [*SLOW, *(HERE / family.partition("::")[0] for family in SPREAD)]
    missing = [place for place in places if not place.exists()]
    assert not missing, f"SLOW or SPREAD names what is not there: {missing}"


def _keep_files_in_memory() -> None:
    # Every commit of a store is synced, and a disk takes longer for that than the test for all else. Memory keeps
    # what a killed process wrote as well as a disk does.
    memory = Path("/dev/shm")
    if ROOT in os.environ or not os.access(memory, os.W_OK):
        return
    state = os.statvfs(memory)
    if state.f_bavail * state.f_frsize >= ROOM and not state.f_flag & os.ST_NOEXEC:
        os.environ[ROOT] = str(memory)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash.get(_HOME, ""), ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # Each worker imports what it collects. Much of what only slow tests need is slow to import.
    if config.getoption("markexpr") == "not slow" and collection_path in SLOW:
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _is_in(SLOW, item.path):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: not _is_in(LONG, item.path))
    # Whoever names files or tests gets all of them.
    if config.getoption("markexpr") == "slow" and not os.environ.get(WHOLE):
        _spread(config, items)


def pytest_collection_finish() -> None:
    # What was collected is there to the end: looking through it for garbage took a twentieth of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


def _spread(config: pytest.Config, items: list[pytest.Item]) -> None:
    counts: Counter[str] = Counter()
    left_out = []
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        family = place if place in SPREAD else f"{place}::{getattr(item, 'originalname', item.name)}"
        if family in SPREAD and hasattr(item, "callspec"):
            if counts[family] % SPREAD[family]:
                left_out.append(item)
            counts[family] += 1
    config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Tests share a process: what one leaves set there fails another, on some day and in some order."""
    before = _shared()
    yield
    assert _shared() == before


def _shared() -> tuple[object, ...]:
    log = logging.getLogger("reelwork")
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return log.level, log.propagate, log.disabled, [*log.handlers], Path.cwd(), environ


@cache
def _is_in(places: tuple[Path, ...], path: Path) -> bool:
    return any(path.is_relative_to(place) for place in places)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """With `--dist=loadscope`, deal out each test by itself, and together what shares something dear."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Dealing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _dealt_out_with(nodeid)

    return Dealing(config, log)


def _dealt_out_with(nodeid: str) -> str:
    # Each worker that has one test of a suite plays all scenes of the suite.
    suite, found, _ = nodeid.partition("::test_happens_at_most_once[")
    file = nodeid.partition("::")[0]
    for place in TOGETHER:
        if file.startswith(f"tests/{place}"):
            return f"tests/{place}" if place.startswith("services/") else file
    return suite if found else nodeid
