"""`reelwork schedule add`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_files
from reelwork.cli.shared import common_options

if TYPE_CHECKING:
    from reelwork.schedules.spec import Agreed, Spec
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
    """Let a workflow run by itself. A NAME that is there is changed: later times go by the new rule.

    FILE is a workflow (.toml), or a batch file, of which each firing makes the next row that was not used yet. The
    file is read at each firing, as it is then. Without options, its [schedule] says when it fires.

    Nobody is asked at a firing. So the workflow must agree to what it costs and where it posts ([budget], [posts]
    unasked = true), or you are asked now; --yes agrees. A firing that costs more than that, or posts to other
    places, is refused.
    """
    from reelwork.cli.schedules import opened_session, told_added
    from reelwork.studio.sync import run_to_end

    async def work() -> None:
        from reelwork.schedules.forecast import forecast
        from reelwork.schedules.keeping import add
        from reelwork.schedules.spec import check_name
        from reelwork.studio.firing.launching import prepare

        check_name(name)
        async with opened_session() as (session, now):
            spec = _spec(file, workflow, options, now)
            asked = _Asked(spec, yes=yes)
            used = session.store.used_rows(name)
            prepared = await prepare(session, name, replace(spec, at_end="repeat"), used, now, asked)
            kept = await add(session.store, name, replace(spec, agreed=asked.agreed), now, today=today)
            notes = (*kept.notes, *forecast(spec.rule, prepared.cost, prepared.budget, now))
            told_added(kept.schedule, notes, now, cost=prepared.cost)

    run_to_end(work())


class _Asked:
    """Asks for the yes that each firing needs, once."""

    def __init__(self, spec: Spec, *, yes: bool) -> None:
        self._spec, self._yes = spec, yes
        self.agreed: Agreed | None = None

    def __call__(self, consent: Consent) -> None:
        """Keep what is agreed to. Raises `Declined`."""
        from reelwork.cli.confirm import ask, can_ask, describe
        from reelwork.cli.views.text import tell
        from reelwork.errors import Declined
        from reelwork.schedules.spec import Agreed
        from reelwork.studio.consent import check_agreed

        if consent.money_agreed and consent.posts_agreed:
            return
        if not self._yes and not can_ask():
            check_agreed(consent, "Add --yes to agree to each firing")
        if not self._yes:
            tell(f"{describe(consent)}\nThat is one firing. Nobody is asked at those that follow.", err=True)
            if not ask("Agree to each of them?"):
                raise Declined("Nothing was added.")
        cost = None if consent.cost is None else str(consent.cost)
        self.agreed = Agreed(cost, consent.public)


def _spec(file: Path, workflow: Path | None, options: dict[str, Any], now: float) -> Spec:
    """Return the checked schedule of the options, and of the file's `[schedule]`. Raises `WorkflowInvalid`."""
    from reelwork.errors import WorkflowInvalid
    from reelwork.schedules.spec import TIMING, Spec
    from reelwork.settings.paths import BATCHES, here
    from reelwork.studio.firing.launching import load_of

    if file.suffix.lower() not in (".toml", *BATCHES):
        raise WorkflowInvalid(f"{file}: a schedule runs a workflow (.toml) or a batch file.")
    if file.suffix.lower() == ".toml" and workflow is not None:
        raise click.UsageError(f"{file} is a workflow itself; leave --workflow {workflow} out.")
    folder = here()
    spec = Spec(
        str((folder / file.expanduser()).absolute()),
        str((folder / workflow.expanduser()).absolute()) if workflow else "",
        str(folder),
        anchor=now,
    )
    if not Path(spec.file).is_file():
        raise WorkflowInvalid(f"There is no file {file}.", hint="Check the name.")
    table = load_of(spec).workflow.schedule.model_dump(exclude_none=True)
    given = {key: value for key, value in options.items() if value is not None}
    # One rule: an option takes the place of whichever rule the file has.
    if any(key in given for key in TIMING):
        table = {key: value for key, value in table.items() if key not in TIMING}
    values = {"tz": _zone_here(), **table, **given}
    return replace(spec, **values).checked(now)


def _zone_here() -> str:
    """Return the zone of this machine; UTC where it has none."""
    from tzlocal import get_localzone_name

    return str(get_localzone_name() or "UTC")
