"""The report of an effect's latest lookup, stored with it: for the next lookup, and for the person who decides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from reelwork.clock import Instant
from reelwork.ledger.evidence import MOST_PROVEN_SENDINGS, Judgement
from reelwork.redaction.redactor import mask
from reelwork.store.records import EffectRow

if TYPE_CHECKING:
    from reelwork.ledger.comparison import Entry
    from reelwork.ledger.look import Look

MOST_SHOWN = 10
LONGEST_TEXT = 200
SENT_AGAIN = "it was sent again already, and nothing is sent a third time"


@dataclass(frozen=True)
class Shown:
    """Something at the other side that may be what was asked for."""

    id: str
    state: str = ""
    created_at: float | None = None
    says: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """The effect it belongs to, when that asked for something else."""


@dataclass(frozen=True)
class Report:
    """One lookup of one attempt."""

    attempt: int
    at: float
    """Seconds since the epoch."""
    row: int = 0
    """The row of the table in `docs/promise.md` that decided."""
    why: str = ""
    missing: str = ""
    """The proof that is missing to believe that it did not happen."""
    reading: int = 0
    candidates: tuple[Shown, ...] = ()
    controls: tuple[str, ...] = ()
    """The effects known to be ours that the same lookup showed."""
    handle: str | None = None
    absences: int = 0
    """The number of lookups in a row, a settle time apart, that have shown that it is not there."""
    since: Instant | None = None
    """The moment of the first of them."""
    date: float | None = None
    """The server's time then."""

    @classmethod
    def of(cls, effect: EffectRow) -> Report | None:
        """Return the latest report about an effect's present attempt."""
        kept: dict[str, Any] = json.loads(effect.seen)
        # A report about an earlier attempt would count its absences for this one, which was sent later.
        if kept.get("attempt") != effect.attempt:
            return None
        shown = tuple(Shown(**one) for one in kept.pop("candidates", ()))
        since = kept.pop("since", None)
        controls = tuple(kept.pop("controls", ()))
        return cls(**kept, candidates=shown, controls=controls, since=Instant(**since) if since else None)

    def to_json(self) -> str:
        """Return the report as the store holds it."""
        since = None if self.since is None else self.since._asdict()
        return json.dumps({**asdict(self), "since": since}, ensure_ascii=True)

    def told(self) -> str:
        """Return in a line why the effect is not settled."""
        if self.candidates:
            return f"{self.why}: {', '.join(shown.id for shown in self.candidates[:3])}"
        return f"{self.why} ({self.missing})" if self.missing else self.why


def report_of(effect: EffectRow, judged: Judgement | None, look: Look[Any] | None, at: float) -> Report:
    """Return a lookup in the form in which it is stored."""
    row, why = (judged.row, judged.why) if judged is not None else (0, "")
    if look is None:
        return Report(effect.attempt, at, row, why)
    missing = _plain(look.missing)
    if look.absent and effect.resent + 1 >= MOST_PROVEN_SENDINGS:
        missing = SENT_AGAIN
    return Report(
        effect.attempt,
        at,
        row,
        why,
        f"{look.turned_up} turned up after it had been sent again" if look.turned_up else missing,
        look.reading,
        tuple(_shown(look.near)) or tuple(Shown(id_) for id_ in look.fits[:MOST_SHOWN]),
        look.controls,
        look.handle,
    )


def _shown(entries: Iterable[Entry]) -> Iterable[Shown]:
    for entry in tuple(entries)[:MOST_SHOWN]:
        says = {name: _plain(str(value)) for name, value in entry.fields.items() if value is not None}
        yield Shown(entry.id, _plain(entry.state), entry.created_at, says, entry.owner or "")


def _plain(text: str) -> str:
    """Return text from the other side, fit to be stored and shown."""
    # Masked before it is cut: of a cut key the head would show. Half a character would make the row unstorable.
    readable = mask(text).encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else " " for sign in readable)[:LONGEST_TEXT]
