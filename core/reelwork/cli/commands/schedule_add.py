"""`reelwork schedule add`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_files
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.studio.consent import Consent


@click.command("add")
@click.argument("name", metavar="NAME")
@click.argument("file", metavar="FILE", type=Path, shell_complete=complete_files)
@click.option("--workflow", type=Path, metavar="FILE.toml", help="Settings for a batch file.")
@click.option("--cron", metavar="FIELDS", help='Five fields, such as "0 9 * * 1": Mondays at nine.')
@click.option("--every", metavar="LENGTH", help="Such as 6h or 2d, counted from now.")
@click.option("--at", metavar="TIME", help="One firing, such as 2027-01-05T18:00.")
@click.option("--publish", metavar="SLOT", help='Slots for its posts, such as "fri 18:00"; it is made before.')
@click.option("--lead", metavar="LENGTH", help="How long before its slot a video is made (1d).")
@click.option("--late", type=click.Choice(["hold", "post", "skip"]), help="When it is ready too late (hold).")
@click.option("--tz", metavar="ZONE", help="The zone of --cron, --at and --publish, such as Europe/Berlin.")
@click.option("--missed", type=click.Choice(["once", "all", "skip"]), help="When no server was running (once).")
@click.option("--grace", metavar="LENGTH", help="How late a missed firing may still be (6h).")
@click.option(
    "--overlap", type=click.Choice(["queue", "skip", "allow"]), help="When the firing before still runs (queue)."
)
@click.option("--jitter", metavar="LENGTH", help="Put each firing off by less than this (0s).")
@click.option("--on-budget", type=click.Choice(["refuse", "wait"]), help="When a budget has no room (refuse).")
@click.option("--at-end", type=click.Choice(["stop", "repeat"]), help="When all rows were used (stop).")
@click.option("--ping", metavar="URL", help="The address of a dead man's switch, or env:NAME, file:PATH.")
@click.option("--today", is_flag=True, help="Let a changed rule fire today, though the schedule has fired today.")
@click.option("--yes", "-y", is_flag=True, help="Agree to the money and posts of each firing without being asked.")
@common_options(plugins=True)
def add_schedule(name: str, file: Path, workflow: Path | None, *, today: bool, yes: bool, **options: Any) -> None:
    """Run a workflow automatically. If NAME exists, it is changed: later times follow the new rule.

    FILE is a workflow (.toml), or a batch file: then each firing makes the next unused row. The file is read again
    at each firing. Without options, its [schedule] says when it fires.

    Nobody is asked at a firing. So the workflow must agree to what it costs and where it posts ([budget], [posts]
    unasked = true), or you are asked now; --yes agrees. A firing that costs more than that, or posts to other
    places, is refused.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if shared().server:
        from reelwork.cli.schedules_afar import add_afar

        add_afar(name, file, workflow, given, today=today, yes=yes)
        return
    if file.suffix.lower() == ".toml" and workflow is not None:
        raise click.UsageError(f"{file} is a workflow itself; leave --workflow {workflow} out.")
    from reelwork.cli.schedules import opened_session, told_added
    from reelwork.settings.paths import here
    from reelwork.studio.sync import run_to_end

    async def work() -> None:
        from reelwork.studio.firing.adding import Asking, addition, spec_of_file, zone_here

        async with opened_session() as (session, now):
            spec = spec_of_file(here(), file, workflow, given, now, zone=zone_here())
            added = await addition(session, name, spec, now, Asking(_asker(yes=yes)), today=today)
            kept = await added.change.write(session.store)
            told_added(kept.schedule, added.notes, now, cost=added.cost)

    run_to_end(work())


def _asker(*, yes: bool) -> Callable[[Consent], None]:
    """Return what asks for the yes that each firing needs, once. It raises `Declined`."""

    def ask_once(consent: Consent) -> None:
        from reelwork.cli.confirm import ask, can_ask, describe
        from reelwork.cli.views.text import tell
        from reelwork.errors import Declined
        from reelwork.studio.consent import check_agreed

        if yes:
            return
        if not can_ask():
            check_agreed(consent, "Add --yes to agree to each firing")
        tell(f"{describe(consent)}\nThat is one firing. Nobody is asked at those that follow.", err=True)
        if not ask("Agree to each of them?"):
            raise Declined("Nothing was added.")

    return ask_once
