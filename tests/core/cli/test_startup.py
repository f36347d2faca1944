from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "pydantic",
    "httpx",
    "rich.console",
    "av",
    "PIL",
    "apscheduler",
    "starlette",
    "pluggy",
    "reelwork_hooks.models",
    # Python's own, and each a part of the start that a person notices: an event loop with TLS, OpenSSL's hashes.
    "asyncio",
    "ssl",
    "_hashlib",
    "tempfile",
    "difflib",
}

CHANGES_OR_DRIVES = {
    "reelwork.store.commands",
    "reelwork.store.sqlite.store",
    "reelwork.store.sqlite.writer",
    "reelwork.engine.stages.step",
    "reelwork.studio.session",
    "reelwork.ledger.ledger",
}
"""What changes a store or drives its jobs: half a hundred modules, and none that a plan needs."""

MEASURES_TEXT = {"rich", "rich._extension", "rich.cells", "rich._unicode_data", "rich._unicode_data._versions"}
"""What of rich a list in columns needs: about 2 ms of 200."""

SHOWN_THROUGH = {
    "reelwork",
    "reelwork.version",
    "reelwork.redaction",
    "reelwork.redaction.redactor",
    "reelwork.redaction.secret_forms",
    "reelwork.text",
}
"""Everything that is printed goes through these. They import the standard library alone."""

PROBE = """
import sys
from reelwork.cli import main
sys.argv = ["reelwork", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
sys.stdout.flush()
print("\\n".join(["MODULES", *sys.modules]))
"""


def modules_after(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.partition("MODULES\n")[2].split())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",), ("run", "--help"), ("jobs", "--help")])
def test_help_imports_nothing_but_click_and_the_standard_library(arguments: tuple[str, ...]) -> None:
    with_click = subprocess.run(
        [sys.executable, "-c", "import click, sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    added = modules_after(*arguments) - set(with_click.stdout.split())
    foreign = {name for name in added if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith(("reelwork.cli", "click"))} <= SHOWN_THROUGH
    assert not added & {"asyncio", "importlib.metadata", "sqlite3"}


def test_listing_jobs_builds_no_models_and_planning_loads_nothing_that_changes_a_store(
    process, folder: Path
) -> None:
    process("run", "A lighthouse in the fog", "--duration", "0.5", "--resolution", "480p")
    for listing in (modules_after("jobs", "list"), modules_after("jobs", "list", "--json")):
        assert "reelwork.store.sqlite.reader" in listing, "the store was not even opened"
        assert not listing & HEAVY
        assert {name for name in listing if name.partition(".")[0] == "rich"} <= MEASURES_TEXT
    planning = modules_after("plan", "A lighthouse in the fog")
    assert "reelwork.store.sqlite.reader" in planning, "the store was not even opened"
    assert not planning & CHANGES_OR_DRIVES


def test_the_help_lists_every_command_and_the_exit_codes(cli) -> None:
    outcome = cli("--help")
    assert outcome.code == 0
    for word in ("run", "plan", "resume", "jobs", "plugins", "init", "simulator", "Exit codes:", "130"):
        assert word in outcome.out


def test_the_version_is_the_package_s(cli) -> None:
    from reelwork import __version__

    assert __version__ in cli("--version").out
