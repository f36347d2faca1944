"""`reelwork store`: checks it, backs it up, makes it smaller. Imports no models, so that it starts quickly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelwork.store.sqlite.maintenance.backup import Backup
    from reelwork.store.sqlite.maintenance.findings import Finding, Report

COMMANDS = {
    "check": (
        "reelwork.cli.commands.store:check_store",
        "Check the store for damage and contradictions.",
    ),
    "backup": ("reelwork.cli.commands.store:backup_store", "Copy the store, even while it is in use."),
    "restore": (
        "reelwork.cli.commands.store_restore:restore_store",
        "Replace the store with a backup, and pay for nothing twice.",
    ),
    "recover": (
        "reelwork.cli.commands.store_recover:recover_store",
        "Use a copy, or a store that lost its journal.",
    ),
    "vacuum": ("reelwork.cli.commands.store_vacuum:vacuum_store", "Remove old jobs and unneeded files."),
}
MOST_NAMED = 10
"""Jobs or files of one finding that are named; `--json` names all."""


@click.group(cls=LazyGroup, table=COMMANDS)
def store() -> None:
    """Check, back up and clean the store: the file that knows what was paid and posted."""


@click.command("check")
@common_options()
@click.pass_context
def check_store(ctx: click.Context) -> None:
    """Check that the store is intact and free of contradictions.

    Only reads, and may run while others work on the store. Exits with 1 if something needs a person.
    """
    import time

    from reelwork.settings.paths import store_path
    from reelwork.store.sqlite.maintenance.check import check

    # Not by `open_store`, which would upgrade an older store: a check only reads.
    report = check(store_path(shared().store), time.time())
    if shared().json:
        click.echo(json.dumps(_report_as_json(report), indent=2, ensure_ascii=False))
    else:
        _print_report(report)
    ctx.exit(0 if report.ok else 1)


def _report_as_json(report: Report) -> dict[str, object]:
    return {
        "store": report.store,
        "ok": report.ok,
        "version": report.version,
        "bytes": report.bytes,
        "file_bytes": report.file_bytes,
        "jobs": report.jobs,
        "removed_jobs": report.removed,
        "processes": report.processes,
        "findings": [finding.as_json() for finding in report.findings],
    }


def _print_report(report: Report) -> None:
    from reelwork.cli.views.text import count, paint, tell

    told = ", ".join(f"{number} {status}" for status, number in sorted(report.jobs.items()))
    removed = f"; {report.removed} removed earlier" if report.removed else ""
    tell(f"{report.store}, version {report.version}")
    tell(f"  jobs       {told or 'none'}{removed}")
    tell(f"  size       {size(report.bytes)}, and {size(report.file_bytes)} of files beside it")
    if report.processes:
        tell(f"  in use     by {count(report.processes, 'process')}" + ("es" if report.processes > 1 else ""))
    for finding in report.findings:
        click.echo("")
        tell("\n".join(_finding_lines(finding)))
    click.echo("")
    troubles = sum(finding.level == "trouble" for finding in report.findings)
    if report.ok:
        tell(paint("Fine: no contradictions, and nothing is lost.", fg="green"))
    else:
        tell(paint(f"{count(troubles, 'finding')} to look into.", fg="red"))


def _finding_lines(finding: Finding) -> Iterator[str]:
    from reelwork.cli.views.text import paint

    word = paint("Trouble:", fg="red", bold=True) if finding.level == "trouble" else paint("Note:", bold=True)
    yield f"{word} {finding.what}"
    for name in finding.names[:MOST_NAMED]:
        yield f"  {name}"
    if len(finding.names) > MOST_NAMED:
        yield f"  … and {len(finding.names) - MOST_NAMED} more; --json names all"
    yield f"  {finding.means}"
    yield f"  {finding.hint}"


def size(number: int) -> str:
    """Return a number of bytes in its largest unit."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} bytes"


@click.command("backup")
@click.argument("dest", metavar="DEST", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite an existing backup.")
@click.option("--with-files", is_flag=True, help="Also copy the videos that jobs refer to, to DEST.files.")
@common_options()
def backup_store(dest: Path, force: bool, with_files: bool) -> None:
    """Copy the store to the file DEST, as one snapshot, while others keep working.

    The copy is checked and on disk before it gets its name, so DEST is complete or not there. It has the runs,
    jobs, their history, renders, and the ledger of what was paid and posted. It does not have videos (except with
    --with-files), the output folder, accounts and secrets, or workflow files.

    A backup does not know what happens after it is taken. To run from an old one may pay and post again; see
    docs/operations.md for what to do.
    """
    from reelwork.settings.paths import here, store_path
    from reelwork.store.sqlite.maintenance.backup import backup

    made = backup(store_path(shared().store), here() / dest, force=force, with_files=with_files)
    if shared().json:
        click.echo(json.dumps(_backup_as_json(made), indent=2, ensure_ascii=False))
    else:
        _print_backup(made, with_files)


def _backup_as_json(made: Backup) -> dict[str, object]:
    return {
        "path": str(made.path),
        "taken": made.taken,
        "bytes": made.bytes,
        "jobs": made.jobs,
        "open_jobs": made.open_jobs,
        "files": made.files,
        "file_bytes": made.file_bytes,
    }


def _print_backup(made: Backup, with_files: bool) -> None:
    from reelwork.cli.views.text import count, tell

    tell(f"Backed up to {made.path}: {count(made.jobs, 'job')}, {size(made.bytes)}, taken {made.taken}. Checked.")
    if with_files:
        tell(f"With {count(made.files, 'file')} ({size(made.file_bytes)}) in {made.path.name}.files.")
    else:
        tell("Without the videos: they are beside the store (--with-files copies them) and in the output folder.")
    if made.open_jobs:
        tell(
            f"{count(made.open_jobs, 'job')} may still continue. What they pay and post from now on is not in the "
            f"backup: use the store as long as you have it. To put the backup in its place: reelwork store restore"
        )
