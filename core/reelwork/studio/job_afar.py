"""Jobs as the API of a server tells them, as the same values that a store gives here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from reelwork.money import to_micros
from reelwork.store.holds import HoldReason
from reelwork.store.records import EffectRow, EventRow, JobRow, RenderRow, Sendings
from reelwork.studio.job_view import TOLD, JobView, Money


def view_told(document: Mapping[str, Any]) -> JobView:
    """Return a job from the document of the API."""
    told = {name: document[name] for name in TOLD}
    charged, reserved = Decimal(document["charged"]), Decimal(document["reserved"])
    return JobView(
        **{
            **told,
            "hold": None if told["hold"] is None else HoldReason(told["hold"]),
            "cost": None if told["cost"] is None else Decimal(told["cost"]),
            "stored_at": tuple(told["stored_at"]),
            "shapes": tuple(told["shapes"]),
            "created_at": datetime.fromisoformat(told["created_at"]),
        },
        money=Money(charged, reserved, Decimal(0), sent=bool(told["remote_id"] or charged or reserved)),
        fence=0,
        due_at=None,
        attempts=0,
        data=document.get("data", {}),
    )


class StoryAfar:
    """Everything about one job, read from the document of the API as from a store."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._told = document

    @property
    def row(self) -> JobRow:
        """The job."""
        told, at = self._told, datetime.fromisoformat(self._told["created_at"]).timestamp()
        render = told["id"] if told["render"] else None
        return JobRow(
            *(told["id"], told["run"], "", told["status"], told["step"], None, 0, 0, json.dumps(told["data"])),
            *(told["reason"], render, at, at),
        )

    def effects_of(self, job_id: str) -> list[EffectRow]:
        """Return the effects of the job."""
        return [self._effect(one) for one in self._told["effects"]]

    def _effect(self, told: Mapping[str, Any]) -> EffectRow:
        found = {one.name: told[one.name] for one in fields(EffectRow) if one.name in told and one.name != "seen"}
        money = {name: None if told[name] is None else to_micros(Decimal(told[name])) for name in _AMOUNTS}
        known = {**found, **money, "evidence": json.dumps(told["evidence"]), "job_id": self._told["id"]}
        # What a program is not told of it is not shown on the page either.
        empty = {one.name: _EMPTY.get(one.name, "") for one in fields(EffectRow) if one.default is MISSING}
        return EffectRow(**{**empty, **known})

    def events(self, job_id: str) -> list[EventRow]:
        """Return the story of the job."""
        told: Sequence[Any] = self._told["events"]
        return [
            EventRow(at, self._told["id"], one["at"], one["name"], json.dumps(one["details"]))
            for at, one in enumerate(told)
        ]

    def renders(self, ids: Sequence[str]) -> dict[str, RenderRow]:
        """Return the render of the job."""
        told = self._told["render"]
        if told is None:
            return {}
        known = {"id": self._told["id"], "job_id": self._told["id"], "run_id": self._told["run"], **told}
        empty = {one.name: _EMPTY_RENDER.get(one.name, "") for one in fields(RenderRow)}
        return {self._told["id"]: RenderRow(**{**empty, **known})}

    def sendings(self, job_ids: Sequence[str]) -> dict[str, Sendings]:
        """Return the money of the job."""
        charged, reserved = (to_micros(Decimal(self._told[name])) or 0 for name in _AMOUNTS[::-1])
        return {self._told["id"]: Sendings(charged=charged, reserved=reserved)}


_AMOUNTS = ("reserved", "charged")
_EMPTY: Mapping[str, Any] = {
    "settle_at": None,
    "sender": None,
    "prepared": "null",
    "result": "null",
    "updated_at": 0.0,
}
_EMPTY_RENDER: Mapping[str, Any] = {
    "request": "{}",
    "details": "{}",
    "due_at": None,
    "deadline_at": 0.0,
    "failures": 0,
    "fence": 0,
    "expires_at": None,
}
