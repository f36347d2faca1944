"""`reelwork doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.completions import complete_files
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.studio.doctor.machine import Finding

COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "failure": "red"}


@click.command(epilog="\b\nExit codes:\n  0  no problem was found\n  1  a problem was found")
@click.argument("workflow", required=False, type=Path, metavar="[WORKFLOW]", shell_complete=complete_files)
@click.option("--offline", is_flag=True, help="Do not ask the provider.")
@common_options(plugins=True)
def doctor(workflow: Path | None, offline: bool) -> None:
    """Check this machine and a WORKFLOW: what is missing, which models are shut down, what the key reaches.

    Nothing is paid for and nothing is written: a provider is asked for its list of models, and about a video that
    does not exist. Without a WORKFLOW the settings in reelwork.toml and the environment are checked.
    """

    from reelwork.cli.logs import show_log
    from reelwork.cli.views.text import tell
    from reelwork.plugins.catalog import Catalog
    from reelwork.settings.paths import store_path
    from reelwork.settings.workflow import load
    from reelwork.studio.doctor.machine import Finding, machine
    from reelwork.studio.doctor.workflow import workflow as check_workflow
    from reelwork.studio.sync import run_to_end
    from reelwork_hooks.errors import InvalidInput

    show_log(verbose=shared().verbose)
    catalog = Catalog()
    findings = list(machine(store_path(shared().store), catalog))
    try:
        # After the machine's own checks, which must be shown even if the workflow cannot be read.
        findings += run_to_end(check_workflow(load(workflow), catalog, offline=offline))
    except InvalidInput as error:
        findings.append(Finding("failure", "workflow", error.message, error.hint))
    code = 1 if any(finding.level == "failure" for finding in findings) else 0
    if shared().json:
        document = {"exit_code": code, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(_lines(findings)))
    click.get_current_context().exit(code)


def _lines(findings: list[Finding]) -> Iterator[str]:
    from reelwork.cli.views.text import count

    width = max(len(finding.area) for finding in findings)
    for finding in findings:
        yield from _finding(finding, width)
    yield ""
    failures = sum(finding.level == "failure" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    yield f"{count(failures, 'failure')}, {count(warnings, 'warning')}."


def _finding(finding: Finding, width: int) -> Iterator[str]:
    from reelwork.cli.views.text import paint, wrapped

    head = f"{paint(finding.level.ljust(8), fg=COLOURS[finding.level])} {finding.area.ljust(width)}  "
    first, *rest = list(wrapped(finding.text, " " * (width + 11))) or [""]
    yield f"{head}{first.strip()}".rstrip()
    yield from rest
    if finding.hint:
        yield from wrapped(finding.hint, " " * (width + 13))
