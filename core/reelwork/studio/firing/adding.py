"""From what a person asks for to a schedule that can be added: options laid over the file's own `[schedule]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.schedules import keeping
from reelwork.schedules.forecast import forecast, forecast_requests
from reelwork.schedules.ping_address import check_ping_place
from reelwork.schedules.spec import TIMING, Agreed, Spec, check_name
from reelwork.settings.paths import BATCHES
from reelwork.studio.consent import Consent
from reelwork.studio.firing.launching import Allow, load_of, prepare
from reelwork.studio.session import Session


def spec_of_file(
    folder: Path, file: Path, workflow: Path | None, given: Mapping[str, Any], now: float, *, zone: str
) -> Spec:
    """Return the checked schedule of a file: what is `given`, and then the file's `[schedule]`.

    Files are relative to `folder`. `zone` counts where none is given. Raises `WorkflowInvalid`.
    """
    if file.suffix.lower() not in (".toml", *BATCHES):
        raise WorkflowInvalid(f"{file}: a schedule runs a workflow (.toml) or a batch file.")
    spec = Spec(
        str((folder / file.expanduser()).absolute()),
        str((folder / workflow.expanduser()).absolute()) if workflow else "",
        str(folder),
        anchor=now,
    )
    if not Path(spec.file).is_file():
        raise WorkflowInvalid(f"There is no file {file}.", hint="Check the name.")
    workflow_now = load_of(spec).workflow
    table = workflow_now.schedule.model_dump(exclude_none=True)
    # One rule: what is given takes the place of whichever rule the file has.
    if any(key in given for key in TIMING):
        table = {key: value for key, value in table.items() if key not in TIMING}
    zone = workflow_now.own_brand.tz or zone
    made = replace(spec, **{"tz": zone, **table, **given}, brand=workflow_now.brand).checked(now)
    if made.ping:
        check_ping_place(made.ping, folder)
    return made


def zone_here() -> str:
    """Return the zone of this machine; UTC where it has none."""
    from tzlocal import get_localzone_name

    return str(get_localzone_name() or "UTC")


@dataclass
class Asking:
    """What gets the consent that each firing needs, and keeps what was agreed to."""

    ask: Allow
    """Gets the consent where the workflow does not agree itself; raises what keeps it from being added."""
    ceiling: str | None = None
    """US dollars that one firing may cost, where that is more than it costs now."""
    agreed: Agreed | None = None

    def __call__(self, consent: Consent) -> None:
        """Keep what is agreed to. Raises as `ask` does."""
        if consent.money_agreed and consent.posts_agreed:
            return
        self.ask(consent)
        cost = None if consent.cost is None else self.ceiling or str(consent.cost)
        self.agreed = Agreed(cost, consent.public)


@dataclass(frozen=True)
class Addition:
    """A schedule that was checked, and what is to be written for it."""

    change: keeping.Change
    notes: tuple[str, ...]
    cost: int | None
    """Of one firing, in millionths of a US dollar; None if it is not known."""


async def addition(
    session: Session, name: str, spec: Spec, now: float, asking: Asking, *, today: bool = False
) -> Addition:
    """Plan one firing of a schedule, and return what adding it writes. Raises a `ReelworkError`."""
    check_name(name)
    # A file whose rows were all used can be added: more rows may come.
    planned = replace(spec, at_end="repeat")
    prepared = await prepare(session, name, planned, session.store.used_rows(name), now, asking)
    change = keeping.changed_to(session.store, name, replace(spec, agreed=asking.agreed), now, today=today)
    notes = (
        *change.notes,
        *prepared.notes,
        *forecast(spec.rule, prepared.cost, prepared.budget, now),
        *forecast_requests(spec.rule, len(prepared.jobs), prepared.per_day, now),
    )
    return Addition(change, notes, prepared.cost)
