"""Answers that are kept in the store: what was paid for is used again, by a resume and by the next run."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from reelwork_hooks.context import State


class Kept(BaseModel):
    """What is known of one question."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["asked", "answered"]
    """`asked`: no answer was kept, since it was lost or is still to come."""
    job: str
    """Who asked."""
    at: float
    """When, in seconds since the epoch."""
    asks: Annotated[int, Field(ge=1)] = 1
    """How often it was asked."""
    data: JsonValue = None
    """The answer, as the service gave it."""
    counted: bool = False
    """True if its cost is in the ledger."""

    @classmethod
    def read(cls, value: JsonValue) -> Self | None:
        """Return what is kept; None if there is nothing, or nothing that can be read."""
        try:
            return None if value is None else cls.model_validate(value)
        except ValidationError:
            return None


class Shelf:
    """The kept answers of one instance."""

    def __init__(self, state: State, name: str) -> None:
        self._state, self._name = state, name
        self._raw: JsonValue = None

    async def look(self) -> Kept | None:
        """Return what is kept now."""
        self._raw = await self._state.get(self._name)
        return Kept.read(self._raw)

    async def put(self, kept: Kept) -> bool:
        """Keep this in place of what was looked at. False, and nothing is changed, if that has changed since."""
        value: Any = kept.model_dump(mode="json")
        if not await self._state.set(self._name, value, expect=self._raw):
            return False
        self._raw = value
        return True
