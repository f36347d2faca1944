"""Commands that other distributions bring, through the entry-point group `reelwork.commands`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from reelwork.plugins.guard import Callee

GROUP = "reelwork.commands"
STORE = "REELWORK_STORE"

_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-.*)?\.(?:dist-info|egg-info)\Z")
_LINE = re.compile(r"\s*([^=#;\[\s][^=]*?)\s*=\s*\S")


def origins() -> dict[str, str]:
    """Return the names of installed commands, each with its distribution.

    Only distributions in folders are listed; `load` also finds the rest.
    """
    # Reads the metadata files itself: `importlib.metadata` takes longer to import than a help page may take.
    found: dict[str, str] = {}
    for path, origin in _metadata_files():
        for name in _names_in(path):
            found.setdefault(name, origin)
    return dict(sorted(found.items()))


def fingerprint() -> str:
    """Return a text that changes whenever a distribution is installed, changed or removed."""
    from hashlib import sha256

    return sha256("\n".join(f"{path} {origin}" for path, origin in _metadata_files()).encode()).hexdigest()


def _metadata_files() -> Iterator[tuple[str, str]]:
    # A folder may be listed twice, and the first distribution of a name is the one that Python imports.
    for folder in dict.fromkeys(sys.path):
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in sorted(entries):
            parts = _METADATA.match(entry)
            if parts:
                yield os.path.join(folder, entry, "entry_points.txt"), f"{parts['name']} {parts['version']}"


def _names_in(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    # Few of some hundred distributions bring commands. Only theirs are parsed.
    if GROUP not in text:
        return
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == f"[{GROUP}]"
        elif inside and (match := _LINE.match(line)):
            yield match[1]


def load(name: str) -> click.Command | None:
    """Return an installed command; None if there is none of that name.

    Raises `PluginInvalid` when two distributions bring it, when it is switched off, or when it cannot be imported.
    """
    import importlib.metadata

    from reelwork.plugins.guard import Callee
    from reelwork_hooks.errors import PluginInvalid

    package, _, plain = name.rpartition(":")
    entries = {}
    for entry in importlib.metadata.entry_points(group=GROUP, name=plain):
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        if not package or _package(entry) == _normalized(package):
            entries[origin, entry.value] = entry
    if not package and len(entries) > 1:
        # Reelwork's own commands keep their names: another package must not take over `reelwork run`.
        entries = {key: one for key, one in entries.items() if _package(one) == "reelwork"} or entries
    if not entries:
        return None
    if len(entries) > 1:
        both = " and ".join(origin for origin, _ in entries)
        ways = " or ".join(f"`reelwork {_package(entry)}:{plain}`" for entry in entries.values())
        raise PluginInvalid(f"The command {name!r} comes from {both}.", hint=f"Say which is meant: {ways}.")
    [((origin, _), entry)] = entries.items()
    _check_on(plain, origin, _package(entry))
    callee = Callee("command", name, origin)
    command = _imported(callee, entry)
    if not isinstance(command, click.Command):
        raise PluginInvalid(
            f"The command {name!r} ({origin}) is of the type {type(command).__name__}, not a click command."
        )
    return _guarded(callee, command)


def _check_on(name: str, origin: str, package: str) -> None:
    """Raise `PluginInvalid` for a command whose package is switched off."""
    from reelwork.plugins.switched_off import SwitchedOff, off_error

    if SwitchedOff.now().covers(package):
        raise off_error("command", name, origin)


def _package(entry: EntryPoint) -> str:
    return _normalized(entry.dist.name) if entry.dist is not None else entry.module


def _normalized(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _imported(callee: Callee, entry: EntryPoint) -> Any:
    from reelwork.errors import PluginFailed, describe
    from reelwork.plugins.guard import IMPORTING, at_once
    from reelwork_hooks.errors import PluginInvalid, ReelworkError

    found: list[Any] = []
    try:
        at_once(callee, "import", lambda: found.append(entry.load()), seconds=IMPORTING)
    except ReelworkError as error:
        raised = error.__cause__ if isinstance(error, PluginFailed) else error
        problem = error.problem if isinstance(error, PluginFailed) else describe(error)
        extra = getattr(raised, "reelwork_extra", None)
        hint = f'Install what it needs with: pip install "reelwork[{extra}]"' if extra else "Fix or uninstall it."
        where = f"The command {callee.name!r} ({callee.origin})"
        raise PluginInvalid(f"{where} could not be loaded: {problem}", hint=hint) from raised
    return found[0]


@contextmanager
def _named_store() -> Iterator[None]:
    """Let `Studio()` in the command use the store that `--store` names before it."""
    # Another store knows nothing of what was paid and posted.
    from reelwork.cli.shared import shared

    named = shared().store if click.get_current_context(silent=True) else None
    before = os.environ.get(STORE)
    if named:
        os.environ[STORE] = named
    try:
        yield
    finally:
        if named:
            os.environ.pop(STORE)
            os.environ.update({} if before is None else {STORE: before})


def _guarded(callee: Callee, command: click.Command) -> click.Command:
    """Return the command with its errors reported as its own fault. Exit codes and click's errors pass through."""
    from reelwork.plugins.guard import cause_of, fault_of

    read, run = command.make_context, command.invoke

    from reelwork.cli.terminal.plugin_output import hand_over

    def watched(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            # A command of another package may print JSON too: its standard output is the real one.
            hand_over()
            try:
                with _named_store():
                    return work(*given, **named)
            # These are how click ends a command, and no fault of the package.
            except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
                raise
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                raise fault_of(error, callee, "run") from cause_of(error)

        return call

    command.make_context, command.invoke = watched(read), watched(run)  # type: ignore[method-assign]
    return command
