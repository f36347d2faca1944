"""Jobs as commands show them, read from the store without the models behind them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from reelwork.cli.views.text import dollars
from reelwork.cli.views.wording import label, next_step, step_words
from reelwork.ids import short_id
from reelwork.money import to_dollars
from reelwork.store.holds import HoldReason, hold_of
from reelwork.store.records import JobRow, Sendings


@dataclass(frozen=True)
class JobView:
    """One job, with its own JSON parsed."""

    row_: JobRow
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """The whole id."""
        return self.row_.id

    @property
    def short(self) -> str:
        """Enough of the id to name the job."""
        return short_id(self.row_.id)

    @property
    def status(self) -> str:
        """`active`, `done`, `failed`, `held`, `rejected` or `cancelled`."""
        return self.row_.status

    @property
    def step(self) -> str:
        """The step it is at."""
        return self.row_.step

    @property
    def step_words(self) -> str:
        """The step in plain words."""
        return step_words(self.row_.step, self.row_.status)

    @property
    def row(self) -> str | None:
        """The batch's row it came from."""
        return self.data.get("row")

    @property
    def platform(self) -> str | None:
        """The platform's name."""
        return (self.data.get("platform") or {}).get("name")

    @property
    def label(self) -> str:
        """The job's name among others: row, platform and take."""
        takes = {"take": self.data.get("take", 1), "takes": self.data.get("takes", 1)}
        return label(self.id, row=self.row, platform=self.platform, **takes)

    @property
    def prompt(self) -> str:
        """The final prompt, or what was asked while there is none."""
        return str((self.data.get("prompt") or {}).get("text") or self.data["brief"]["prompt"])

    @property
    def cost(self) -> Decimal | None:
        """US dollars: reported, else estimated; None when unknown."""
        render = self.data.get("render")
        if render is not None:
            return None if render.get("cost") is None else Decimal(str(render["cost"]))
        return to_dollars(self.data.get("cost"))

    @property
    def next_step(self) -> str:
        """The next step for a person; empty if there is none."""
        return self.next_step_with()

    def next_step_with(self, doubt: str = "", *, open_questions: bool = True) -> str:
        """The same with what the job's own data does not tell: an effect in doubt, whether anything is asked."""
        settled = not open_questions and self.hold is not None and self.hold.asks
        return next_step(
            self.id,
            self.status,
            self.step,
            self.data.get("row"),
            hold=HoldReason.SETTLED if settled else self.hold,
            refused_there=any(post.get("refused_there") for post in self.data.get("posts", {}).values()),
            doubt=doubt,
        )

    @property
    def hold(self) -> HoldReason | None:
        """The reason why it is held; None if it is not."""
        return hold_of(self.row_, self.data)

    def as_json(self) -> dict[str, Any]:
        """The job as programs get it."""
        posts = self.data.get("posts") or {}
        clip = self.data.get("clip") or {}
        render = self.data.get("render") or {}
        return {
            "id": self.id,
            "run": self.row_.run_id,
            "status": self.status,
            "step": self.step,
            "reason": self.row_.reason,
            "hold": self.hold,
            "prompt": self.prompt,
            "platform": self.platform,
            "take": self.data.get("take", 1),
            "takes": self.data.get("takes", 1),
            "row": self.row,
            "provider": self.data["provider"],
            "remote_id": render.get("remote_id"),
            "cost": None if self.cost is None else str(self.cost),
            "video": (clip.get("video") or {}).get("path"),
            "stored_at": (clip.get("video") or {}).get("stored_at", []),
            "receipts": {name: post["receipt"] for name, post in posts.items() if post.get("receipt")},
            "created_at": datetime.fromtimestamp(self.row_.created_at, UTC).isoformat(),
            "next": self.next_step,
        }


def view_of(row: JobRow) -> JobView:
    """A job's row as commands show it."""
    return JobView(row, json.loads(row.data))


def money_words(sent: Sendings | None) -> str:
    """Return the amounts charged to a job and reserved for it; empty if nothing was ever sent."""
    if sent is None:
        return ""
    charged = dollars(to_dollars(sent.charged)) if sent.charged else ""
    reserved = f"{dollars(to_dollars(sent.reserved))} reserved" if sent.reserved else ""
    unknown = "unknown" if sent.unpriced else ""
    return " + ".join(part for part in (charged, reserved, unknown) if part) or dollars(Decimal(0))


def money_as_json(sent: Sendings | None) -> dict[str, str]:
    """The same for programs: `cost` may be an estimate of what was never sent, these are not."""
    sent = sent or Sendings()
    return {"charged": str(to_dollars(sent.charged)), "reserved": str(to_dollars(sent.reserved))}
