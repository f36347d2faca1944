"""`reelwork plugins check`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.testing.check import Finding, Report

COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command(
    "check",
    help="""Check a plugin: what is refused when it is loaded, and what would cause trouble later.

    WHAT is the NAME of an installed plugin or package, a FILE.py, or the FOLDER of a package. Hooks are called once
    with sample values, except those that post, store, pay or send messages: --call calls these too. None of them
    sees your accounts.""",
    epilog="""\b
Exit codes:
  0  no errors
  1  at least one error
  2  there is no such plugin, file or package""",
)
@click.argument("what", metavar="WHAT")
@click.option(
    "--call",
    is_flag=True,
    help="Also call hooks that post, store, pay or send messages. They really do, without your accounts.",
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting for the hooks; repeat for more."
)
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
              metavar="SECONDS", help="How long one hook may take.")  # fmt: skip
@common_options(plugins=True)
def check_plugins(what: str, *, call: bool, assignments: Sequence[str], time_limit: float) -> None:
    """Check a plugin."""
    from reelwork.cli.logs import show_log
    from reelwork.settings.layers import from_assignments
    from reelwork.testing.check import Check, check, exit_code

    show_log(verbose=shared().verbose)
    settings = from_assignments([f"settings.{text}" for text in assignments]).get("settings", {})
    reports = check(what, Check(settings=settings, time_limit=time_limit, call=call))
    code = exit_code(reports)
    if shared().json:
        answer = {"checked": [report.as_json() for report in reports], "exit_code": code}
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        for line in _lines(reports):
            click.echo(line)
    click.get_current_context().exit(code)


def _lines(reports: Sequence[Report]) -> Iterator[str]:
    from reelwork.cli.views.text import count, paint

    for report in reports:
        yield f"{paint(report.name, bold=True)}  ({report.origin})"
        for finding in report.sorted:
            yield from _finding(finding)
        counts = [count(report.count(level), level) for level in ("error", "warning", "note")]
        yield f"  {', '.join(counts)}"


def _finding(finding: Finding) -> Iterator[str]:
    from reelwork.cli.views.text import line_width, paint, wrapped

    word = paint(finding.level.ljust(7), fg=COLOURS[finding.level])
    room = line_width() - 11
    first, *rest = wrapped(f"{finding.about} {finding.message}", "", width=room)
    yield f"  {word}  {first}"
    for line in (*rest, *wrapped(finding.hint, "", width=room)):
        yield f"           {line}"
