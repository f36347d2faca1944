"""`reelwork schedule run` and `run-now`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from reelwork.cli.app import EXIT_CODES
from reelwork.cli.options import showing_options
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.store.schedules import SlotRow


@click.command("run")
@click.option("--once", is_flag=True, help="Fire what is due now, wait for those videos, and end.")
@common_options(log=True, plugins=True)
def run_schedules(once: bool) -> None:
    """Fire schedules at their times, and make and publish their videos, until Ctrl-C or SIGTERM.

    It drives every job of the store that no other process drives. Any number of these may run: each time of a
    schedule is fired once. With --once it can be started by cron or a timer.
    """
    from reelwork.cli.logs import show_log
    from reelwork.cli.signals import Signals
    from reelwork.cli.terminal.streams import never_waiting
    from reelwork.cli.views.text import tell
    from reelwork.settings.paths import store_path
    from reelwork.studio.firing.foreground import Foreground

    said = shared()
    show_log(verbose=said.verbose)
    slots: list[SlotRow] = []

    def note(text: str) -> None:
        tell(text, err=True)

    def fired(slot: SlotRow) -> None:
        slots.append(slot)
        if not said.json:
            why = f" ({slot.reason})" if slot.reason else ""
            tell(f"{slot.schedule}  {slot.key}  {slot.state}{why}")

    with Foreground(store_path(said.store), on_slot=fired) as server:
        signals = Signals(server.stop, note, lambda: None)
        if not said.json and not once:
            tell("Waiting for the times of the schedules. Ctrl-C ends it.", err=True)
        with never_waiting():
            statuses = signals.run(server.once() if once else server.run())
    _show(slots, statuses)
    click.get_current_context().exit(signals.exit_code or _code(statuses))


def _show(slots: list[SlotRow], statuses: list[str]) -> None:
    from reelwork.cli.views.text import count, tell
    from reelwork.schedules.as_json import slot_as_json

    if shared().json:
        listed = [{"schedule": slot.schedule, **slot_as_json(slot)} for slot in slots]
        click.echo(json.dumps({"slots": listed, "jobs": dict(Counter(statuses))}, indent=2, ensure_ascii=False))
        return
    if statuses:
        told = ", ".join(f"{number} {status}" for status, number in Counter(statuses).items())
        tell(f"{count(len(statuses), 'job')}: {told}")
    elif not slots:
        tell("Nothing was due.")


def _code(statuses: list[str]) -> int:
    from reelwork.store.statuses import exit_code

    return exit_code(statuses)


@click.command("run-now", epilog=EXIT_CODES)
@click.argument("name", metavar="NAME")
@click.option("--yes", "-y", is_flag=True, help="Spend and post without being asked.")
@showing_options
@common_options(log=True, plugins=True)
def run_now(name: str, yes: bool, show: bool, no_sheet: bool) -> None:
    """Fire a schedule now, and wait for its videos. Its own times stay as they are.

    It uses the next row of a batch file.
    """
    if shared().server:
        from reelwork.cli.schedules_afar import run_now_afar

        if show:
            raise click.UsageError("--open does not go with --server: the videos are on its machine.")
        run_now_afar(name, yes=yes)
    from reelwork.cli.confirm import confirmer
    from reelwork.cli.run_studio import Asking, drive
    from reelwork.errors import Declined
    from reelwork.studio.consent import Consent
    from reelwork.studio.firing.foreground import fire_now
    from reelwork.studio.results import RunResult
    from reelwork.studio.studio import Studio

    async def work(studio: Studio, asking: Asking) -> RunResult:
        confirm = confirmer(yes=yes, asking=asking)

        def allow(consent: Consent) -> None:
            if not confirm(consent.launch):
                raise Declined("Stopped.")

        run_id = await fire_now(studio.store, name, allow)
        return await studio.resume(run_id)

    drive(work, show=show, no_sheet=no_sheet)
