"""The rule of evidence, as pure functions: what follows from what is known. Doubt never sends.

`docs/promise.md` has the same table. Rows 1 to 6 end an attempt; rows 7 to 15 settle an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# A list that was wrong about an effect once may be wrong about it again.
MOST_PROVEN_SENDINGS = 2
"""The most sendings of an effect when only a list says that it is not there."""


class Decision(StrEnum):
    """The decision that follows from the evidence."""

    SEND = "send"
    """It may be sent."""
    SAME_KEY = "same key"
    """It may be sent with the key it was sent with."""
    CONFIRM = "confirm"
    REJECT = "reject"
    UNKNOWN = "unknown"
    WAIT = "wait"
    HOLD = "hold"
    NO_FUNDS = "no funds"
    """Held until the account has been topped up."""


@dataclass(frozen=True)
class Judgement:
    """A conclusion, and the row of the table that led to it."""

    row: int
    decision: Decision
    why: str


class Answer(StrEnum):
    """The outcome of one attempt."""

    NOT_SENT = "not sent"
    """Shown by the transport, or by a refusal before any work: nothing was accepted."""
    SLOW_DOWN = "slow down"
    """Refused for now, with a pause asked for."""
    EXISTS = "exists"
    """Refused because it is there already."""
    NO_FUNDS = "no funds"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    """Answered with an id."""
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Ended:
    """The end of one attempt."""

    answer: Answer
    in_doubt: bool = False
    """An earlier attempt may have been carried out."""
    id_taken: bool = False
    """The id in the answer belongs to another effect."""


@dataclass(frozen=True)
class Key:
    """The state of the key of an earlier attempt, right before it would be sent again."""

    same_endpoint: bool
    same_credential: bool
    same_body: bool
    valid_for: float
    """Seconds for which the other side knows a key."""
    age: float | None
    """Seconds since it was first sent, by the boot clock; None on another boot."""
    wall_age: float
    """The same by the wall clock."""

    @property
    def holds(self) -> bool:
        """True if the other side surely still knows the key."""
        same = self.same_endpoint and self.same_credential and self.same_body
        # Ages matter only for keys that are forgotten; without the boot clock this one would never hold again.
        if self.valid_for == float("inf"):
            return same
        # Half the lifetime: the other half covers a request on its way and clocks that disagree. A negative age is
        # a clock that was set back, and says nothing.
        ages = (self.age, self.wall_age)
        return same and all(age is not None and 0 <= age < self.valid_for / 2 for age in ages)


class Handle(StrEnum):
    """The state of a handle of ours at the other side: an upload session, a container, our own record's name."""

    DONE = "done"
    NOT_YET = "not yet"
    NEVER = "never"
    """It says that it never will be done."""
    NEVER_TWICE = "never, twice"
    """It said so twice, a settle time apart."""
    NOT_THERE = "not there"
    """The other side does not know it: its memory may be shorter than ours."""


@dataclass(frozen=True)
class Seen:
    """All that is known of an effect whose outcome is unknown."""

    may_act: bool = False
    """Its sender may still send it."""
    settling: bool = False
    """Its settle time is not over, or a control that was accepted just now may still turn up on the list."""
    key_holds: bool = False
    can_look: bool = True
    looked: bool = False
    handle: Handle | None = None
    fits: bool = False
    """There are candidates that fit exactly and that no other effect has."""
    sibling_may_act: bool = False
    """An identical request may still be carried out or answered."""
    near: bool = False
    """There are candidates that are not excluded, beside those that fit and are free."""
    moved: bool = False
    """The endpoint or the credential is not the one it was sent with."""
    absences: int = 0
    """Readings, a settle time apart, that showed its absence: complete, fresh, with a floor and controls."""
    disbelieved: bool = False
    """On this account something that a list did not show has turned up later."""
    sendings: int = 1
    free: bool = False
    """The person said that another one costs nothing and may be made when it is unclear."""


def end(ended: Ended) -> Judgement:
    """Judge the end of one attempt, by rows 1 to 6."""
    for row, matches, decision, why in _ENDS:
        if matches(ended):
            return Judgement(row, decision, why)
    return Judgement(6, Decision.UNKNOWN, "the answer does not say whether it was carried out")


def judge(seen: Seen) -> Judgement | None:
    """Judge an unknown outcome, by rows 7 to 15. Return None if the effect must be looked up first."""
    for row, matches, decision, why in _RULES:
        if matches(seen):
            return Judgement(row, decision, why)
    if not seen.looked:
        return None
    if seen.free:
        return Judgement(15, Decision.SEND, "another one costs nothing, and it may be made when it is unclear")
    return Judgement(15, Decision.HOLD, "what was seen does not prove that it was not carried out")


def _answered(answer: Answer) -> Callable[[Ended], bool]:
    return lambda ended: ended.answer is answer


# The first row that matches decides. That nothing was sent this time says nothing about an earlier attempt, so its
# doubt comes first.
_ENDS: tuple[tuple[int, Callable[[Ended], bool], Decision, str], ...] = (
    (
        1,
        lambda ended: ended.answer in (Answer.NOT_SENT, Answer.SLOW_DOWN) and ended.in_doubt,
        Decision.UNKNOWN,
        "nothing left this time, and an earlier attempt may have been carried out",
    ),
    (1, _answered(Answer.NOT_SENT), Decision.SEND, "nothing was accepted"),
    (2, _answered(Answer.EXISTS), Decision.UNKNOWN, "the other side says that it already exists"),
    (3, _answered(Answer.NO_FUNDS), Decision.NO_FUNDS, "the account has no money or quota left"),
    (4, _answered(Answer.SLOW_DOWN), Decision.SEND, "too many requests; nothing was accepted"),
    (
        5,
        lambda ended: ended.answer is Answer.REFUSED and not ended.in_doubt,
        Decision.REJECT,
        "the other side refused it without work",
    ),
    (
        6,
        lambda ended: ended.answer is Answer.ACCEPTED and ended.id_taken,
        Decision.HOLD,
        "the answer has an id that another effect already has",
    ),
    (6, _answered(Answer.ACCEPTED), Decision.CONFIRM, "it was answered with an id"),
)

# Here too the first row that matches decides, so no absence is believed while a sender may still act.
_RULES: tuple[tuple[int, Callable[[Seen], bool], Decision, str], ...] = (
    (7, lambda seen: seen.settling, Decision.WAIT, "it may still turn up"),
    (7, lambda seen: seen.may_act and not seen.can_look, Decision.WAIT, "its sender may still act"),
    (
        8,
        lambda seen: seen.key_holds and not seen.may_act,
        Decision.SAME_KEY,
        "sent again with the same key, which the other side honours",
    ),
    (9, lambda seen: not seen.can_look and not seen.free, Decision.HOLD, "the other side cannot be asked about it"),
    (
        9,
        lambda seen: not seen.can_look and not seen.moved,
        Decision.SEND,
        "another one costs nothing, and it may be made when it is unclear",
    ),
    # What is found may be claimed while the sender is alive: a claim sends nothing. Its absence may not be
    # believed until then, so the rows of waiting for the sender come after the claim.
    (10, lambda seen: seen.handle is Handle.DONE, Decision.CONFIRM, "our own handle there says that it is done"),
    (
        12,
        lambda seen: seen.fits and not seen.sibling_may_act,
        Decision.CONFIRM,
        "it exists, and belongs to no other effect",
    ),
    (7, lambda seen: seen.may_act, Decision.WAIT, "its sender may still act"),
    (7, lambda seen: seen.sibling_may_act, Decision.WAIT, "an identical request may still be carried out"),
    (
        11,
        lambda seen: seen.handle is Handle.NEVER_TWICE,
        Decision.SEND,
        "our own handle there says that it never was",
    ),
    (11, lambda seen: seen.handle is Handle.NEVER, Decision.WAIT, "our own handle there is asked once more"),
    (
        13,
        # Another server or account does not list it. That it is absent there proves nothing.
        lambda seen: seen.moved,
        Decision.HOLD,
        "the address or the key is no longer the one it was sent with",
    ),
    # Before row 14: something that may be ours outweighs any number of readings that prove an absence.
    (13, lambda seen: seen.near and not seen.free, Decision.HOLD, "something there may be it"),
    (
        13,
        lambda seen: seen.handle is Handle.NOT_THERE,
        Decision.HOLD,
        "our own handle is not known there, which may only mean that it is forgotten",
    ),
    (
        14,
        lambda seen: seen.absences >= 2 and not seen.disbelieved and seen.sendings < MOST_PROVEN_SENDINGS,
        Decision.SEND,
        "two complete readings, which show what was made before and after, show that it never arrived",
    ),
    (
        14,
        lambda seen: seen.absences == 1 and not seen.disbelieved and seen.sendings < MOST_PROVEN_SENDINGS,
        Decision.WAIT,
        "it is not there; the list is read once more before that is believed",
    ),
)
