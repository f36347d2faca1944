"""`reelwork schedule pause` and `resume`."""

from __future__ import annotations

import time

import click

from reelwork.cli.shared import common_options, shared


@click.command("pause")
@click.argument("name", metavar="NAME")
@click.option("--note", default="", metavar="TEXT", help="The reason, for others to read.")
@click.option("--until", metavar="TIME", help="When it ends: 2027-01-05T18:00 in the schedule's zone, or 2d.")
@common_options()
def pause_schedule(name: str, note: str, until: str | None) -> None:
    """Pause a schedule: its times within the pause never fire. Jobs that were fired continue.

    The pause lasts until `resume`, or until --until. It survives restarts, changes, and removing and adding again.
    """
    if shared().server:
        from reelwork.cli.schedules_afar import pause_afar

        pause_afar(name, note, lambda zone: None if until is None else _end(until, zone, time.time()))
        return
    from reelwork.cli.schedules import opened_store, told
    from reelwork.cli.views.schedules import at_in_words
    from reelwork.studio.sync import run_to_end

    async def work() -> None:
        from reelwork.schedules.keeping import pause
        from reelwork.schedules.spec import found_in

        async with opened_store() as (store, now):
            zone = found_in(store.schedules(), name).spec.tz
            end = None if until is None else _end(until, zone, now)
            kept = await pause(store, name, now, until=end, note=note)
            resumed = f"you resume it: reelwork schedule resume {name}"
            ends = resumed if end is None else at_in_words(end, zone)
            told(kept.schedule, now, f"Paused: {name}, until {ends}.")

    run_to_end(work())


def _end(text: str, zone: str, now: float) -> float:
    from datetime import datetime

    from reelwork.errors import WorkflowInvalid
    from reelwork.schedules.rule import rule_of
    from reelwork.schedules.zones import first_instant, zone_named
    from reelwork.settings.lengths import seconds_in

    if "-" not in text:
        return now + seconds_in(text, "--until")
    try:
        wall = rule_of(at=text, tz=zone).at
    except WorkflowInvalid as error:
        raise WorkflowInvalid(f"--{error.message.replace('at ', 'until ', 1)}", hint=error.hint) from None
    return first_instant(datetime.fromisoformat(wall), zone_named(zone)).timestamp()


@click.command("resume")
@click.argument("name", metavar="NAME")
@common_options()
def resume_schedule(name: str) -> None:
    """End the pause of a schedule. The times within it are never fired."""
    if shared().server:
        from reelwork.cli.schedules_afar import resume_schedule_afar

        resume_schedule_afar(name)
        return
    from reelwork.cli.schedules import opened_store, told
    from reelwork.cli.views.schedules import next_in_words
    from reelwork.studio.sync import run_to_end

    async def work() -> None:
        from reelwork.schedules.keeping import resume

        async with opened_store() as (store, now):
            kept = await resume(store, name, now)
            told(kept.schedule, now, f"Resumed: {name}. Next: {next_in_words(kept.schedule, now)}")

    run_to_end(work())
