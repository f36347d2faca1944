"""The paths of the store and of the nearest `reelwork.toml`. Reads files without the models behind them.

Separate from `settings.workflow` for commands that only read: they need no models and should not wait for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.user_folders import data_folder

BATCHES = (".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".txt")
"""The endings of batch files, which hold a prompt in each row."""
TABLES = (".csv", ".tsv", ".jsonl", ".xlsx")
"""The endings that mean a batch wherever such a file lies beside a workflow."""
SETTINGS_FILE = "reelwork.toml"
OF_SETTINGS_FILE = ("store", "keep_days", "webhooks_in", "webhooks", "notify", "pings")
"""Its keys that are no parts of a workflow."""


def batch_beside(workflow: Path) -> str:
    """Return the first batch file in a workflow's folder; empty if there is none."""
    try:
        names = sorted(path.name for path in workflow.parent.iterdir() if path.suffix.lower() in TABLES)
    except OSError:
        return ""
    return str(workflow.parent / names[0]) if names else ""


def store_path(option: str | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the store: the option, `REELWORK_STORE`, `store` in `reelwork.toml`, or the user's own.

    Raises `WorkflowInvalid` when `reelwork.toml` cannot be read or does not name a path.
    """
    environ = os.environ if environ is None else environ
    chosen = option or environ.get("REELWORK_STORE")
    if chosen:
        # Resolved: locks lie beside the store, and one store has one set of locks whatever link leads to it.
        return Path(chosen).expanduser().resolve()
    settings, table = _settings()
    if settings is not None:
        written = table.get("store")
        if written is not None:
            if not isinstance(written, str) or not written:
                raise WorkflowInvalid(f"{settings}: store = {written!r} is not a path.", hint='store = "store.db"')
            return (settings.parent / Path(written).expanduser()).resolve()
    return (data_folder(environ) / "store.db").resolve()


def keep_days(environ: Mapping[str, str] | None = None) -> float | None:
    """Return the days for which ended jobs are kept; None: for ever.

    They come from `REELWORK_KEEP_DAYS`, or from `keep_days` in `reelwork.toml`.

    Raises `WorkflowInvalid` when it is not a number of days, at least one.
    """
    environ = os.environ if environ is None else environ
    settings, table = _settings()
    where, written = str(settings), table.get("keep_days")
    if environ.get("REELWORK_KEEP_DAYS"):
        where, written = "REELWORK_KEEP_DAYS", environ["REELWORK_KEEP_DAYS"]
    if written is None:
        return None
    try:
        # `float(True)` is 1.0: `keep_days = true` would remove jobs after a day.
        days = float(written) if not isinstance(written, bool) else 0.0
    except (TypeError, ValueError):
        days = 0.0
    if not 1 <= days < float("inf"):
        raise WorkflowInvalid(
            f"{where}: keep_days = {written!r} is not a number of days, at least 1.",
            money="Nothing was removed.",
            hint="keep_days = 90",
        )
    return days


def brands_of_settings() -> list[str]:
    """Return the names of the brands in the nearest `reelwork.toml`. Raises `WorkflowInvalid`."""
    _, table = _settings()
    found = table.get("brands")
    return list(found) if isinstance(found, dict) else []


def here() -> Path:
    """Return the folder the person is in. Raises `WorkflowInvalid` when it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise WorkflowInvalid(
            "The folder you are in has been deleted, so files and results have no place.",
            hint="Go to a folder that exists (cd) and run again.",
        ) from None


def _settings() -> tuple[Path | None, dict[str, Any]]:
    settings = nearest_settings(here())
    if settings is None:
        return None, {}
    table = parse_toml(read_text(settings), str(settings))
    _check_spelling(table, settings)
    return settings, table


def _check_spelling(table: dict[str, Any], settings: Path) -> None:
    """Refuse a key that is nearly `store`. Raises `WorkflowInvalid`."""
    # Passed over, it would mean another store, which does not know what was paid for.
    from difflib import get_close_matches

    for key in table:
        if key != "store" and get_close_matches(key, ["store"], cutoff=0.7):
            raise WorkflowInvalid(f"{settings}: unknown key {key!r}.", hint="Did you mean 'store'?")


def nearest_settings(start: Path) -> Path | None:
    """Return the nearest `reelwork.toml`, in this folder or above."""
    return next(
        (folder / SETTINGS_FILE for folder in (start, *start.parents) if (folder / SETTINGS_FILE).is_file()),
        None,
    )


def read_text(path: Path) -> str:
    """Return a text file's contents. Raises `WorkflowInvalid` saying why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WorkflowInvalid(
            f"There is no file {path}.", hint="Check the name, or write a first one with: reelwork init"
        ) from None
    except UnicodeDecodeError as error:
        raise WorkflowInvalid(
            f"{path} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8 and run again."
        ) from error
    except OSError as error:
        raise WorkflowInvalid(f"{path} cannot be read: {error.strerror}.") from error
    # Notepad and spreadsheets begin UTF-8 with a byte order mark, which TOML does not allow.
    return text.removeprefix("\ufeff")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return a TOML text as a table. Raises `WorkflowInvalid` naming the line."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if Path(where).suffix.lower() in BATCHES:
            hint = f"Run it: reelwork run {where}. A workflow is a .toml file, given with --workflow."
            raise WorkflowInvalid(f"{where} is a batch, not a workflow.", hint=hint) from error
        raise WorkflowInvalid(f"{where} is not valid TOML: {error}.", hint=_toml_advice(str(error))) from error


def _toml_advice(problem: str) -> str:
    """Return what to do about a text that is not TOML."""
    if problem.startswith("Cannot declare ('plugins',)"):
        return 'The list and the table [plugins] are one name. Write add = ["…"] under [plugins].'
    # As `tomllib` begins what it says of a name that appears twice.
    if problem.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate")):
        return "A name stands there twice. Keep one of them, with all that belongs to it."
    return 'Text values need quotes: key = "value".'
