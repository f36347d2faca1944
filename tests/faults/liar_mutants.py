"""Mistakes built in on purpose, one at a time: the liar must catch each, or it proves nothing.

Each replaces one rule, and is played in one scene: a server, and what happens around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from liar_history import LOST, History, Launch, Step, Work
from liar_traits import Lie, Personality

import reelwork.ledger.comparison as comparison
import reelwork.ledger.ledger as sending
import reelwork.ledger.look as look
import reelwork.ledger.resolve as resolve
from reelwork.ledger import Ledger, Refused
from reelwork.ledger.comparison import Asked, Compared, Entry
from reelwork.ledger.evidence import Key
from reelwork.ledger.look import Look
from reelwork.store.commands import Refuse, Reopen

ARRIVED, NEVER = LOST
LOSES = Launch((0,), 4, 1, (ARRIVED,))
LATER: tuple[Step, ...] = (LOSES, Work(0, 60.0), Launch((-2,), 4, 1, ()), Work(0, 60.0))
"""An answer is lost, and something is made afterwards."""
ALONE: tuple[Step, ...] = (LOSES, Work(0, 130.0))
"""An answer is lost, and nothing is made afterwards."""
Mistake = Callable[[], AbstractContextManager[Any]]


@contextmanager
def replaced(owner: object, **rules: Any) -> Iterator[None]:
    """Another rule in the place of one, for as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, rule in rules.items():
            patch.setattr(owner, name, rule)
        yield


@dataclass(frozen=True)
class Scene:
    """One mistake, and where it shows."""

    mistake: Mistake
    lies: tuple[Lie, ...] = ()
    steps: tuple[Step, ...] = LATER
    warm: int = 1
    connection: str = "sora"

    @property
    def history(self) -> History:
        return History(Personality(self.lies), self.warm, 4, self.connection, self.steps)


def sends_again_blindly() -> AbstractContextManager[Any]:
    """An unknown outcome counts as if nothing had happened."""

    async def resolve_(self: Ledger, lease: Any, act: Any, effect: Any, failures: int, **_: Any) -> Any:
        return resolve.Later(self.clock(), "again", (Reopen(act.key, "again"),))

    return replaced(Ledger, _resolve=resolve_)


def takes_unknown_for_refused() -> AbstractContextManager[Any]:
    """A lost answer counts as a refusal, and its money as free."""
    return replaced(Ledger, _unknown=lambda self, act, reason, **_: Refused(reason, (Refuse(act.key, reason),)))


def _looks(**changed: Callable[[Look[Any]], Any]) -> AbstractContextManager[Any]:
    plain = Ledger._reported

    def reported(self: Ledger, act: Any, effect: Any, seen: Look[Any]) -> Any:
        return plain(self, act, effect, replace(seen, **{name: of(seen) for name, of in changed.items()}))

    return replaced(Ledger, _reported=reported)


def needs_no_control() -> AbstractContextManager[Any]:
    """What is not listed is absent, whether anything of ours is listed or not."""
    return _looks(absent=lambda seen: not (seen.fits or seen.near), fresh=lambda seen: True)


def believes_old_lists() -> AbstractContextManager[Any]:
    """Nothing later needs to be listed."""
    return _looks(fresh=lambda seen: True)


def counts_early_controls() -> AbstractContextManager[Any]:
    """A later control counts that was sent while the effect could still arrive."""
    return replaced(look, _settled_before=lambda effect, how: True)


@contextmanager
def does_not_settle() -> Iterator[None]:
    """A list is believed at once, and what was made just now is not waited for."""
    plain, plain_resolve = Ledger._unknown, Ledger._resolve

    def unknown(self: Ledger, act: Any, reason: str, **more: Any) -> Any:
        return plain(self, replace(act, settle_seconds=0.0), reason, **more)

    async def resolve_(self: Ledger, lease: Any, act: Any, effect: Any, failures: int, **more: Any) -> Any:
        return await plain_resolve(self, lease, replace(act, settle_seconds=0.0), effect, failures, **more)

    with replaced(Ledger, _unknown=unknown, _resolve=resolve_), replaced(resolve, _apart=lambda act, seen: 0.0):
        yield


def _excludes(rule: Callable[[Entry, Asked], str]) -> AbstractContextManager[Any]:
    plain = comparison.exclusion
    return replaced(comparison, exclusion=lambda entry, asked: plain(entry, asked) or rule(entry, asked))


def excludes_by_clock() -> AbstractContextManager[Any]:
    """What is listed as older than the request cannot be it."""
    return _excludes(
        lambda entry, asked: (
            "too old" if entry.created_at and asked.earliest and entry.created_at < asked.earliest else ""
        )
    )


def excludes_alike_prompts() -> AbstractContextManager[Any]:
    """A prompt that differs at all is another one's."""
    return _excludes(
        lambda entry, asked: (
            "another prompt" if entry.fields.get("prompt") not in (None, asked.fields.get("prompt")) else ""
        )
    )


def forgets_what_is_near() -> AbstractContextManager[Any]:
    """Only what fits exactly counts as there."""
    plain = look.compare

    def compare(entries: Any, asked: Asked) -> Compared:
        return replace(plain(entries, asked), near=())

    return replaced(look, compare=compare)


@contextmanager
def trusts_any_key() -> Iterator[None]:
    """A key is honoured, whatever the request was sent with."""
    holds = Key(same_endpoint=True, same_credential=True, same_body=True, valid_for=math.inf, age=0.0, wall_age=0.0)
    with replaced(sending, key_of=lambda *_: holds), replaced(resolve, key_of=lambda *_: holds):
        yield


def overlooks_what_has_ended() -> AbstractContextManager[Any]:
    """Only what is being made counts as there."""
    return _excludes(lambda entry, asked: "it has ended" if entry.state == "ended" else "")


@contextmanager
def takes_any_control() -> Iterator[None]:
    """A short and plain prompt shows what becomes of a hard one."""

    def everything(*_: Any) -> bool:
        return True

    with (
        replaced(look, at_least_as_hard=everything),
        replaced(comparison, at_least_as_hard=everything),
        replaced(comparison.Echo, covers=everything),
    ):
        yield


REWORDED = (Lie("prompt", "reworded wholly"), Lie("prompt rewritten where", "those with special characters"))
SOME_LOWER = (Lie("prompt", "lower case"), Lie("prompt rewritten where", "some"))
HIDES = (Lie("hides", "one for five minutes"), Lie("Date", "left out"))
PLAIN_THEN_HARD = (
    Launch((0,), 4, 1, ()), Work(0, 60.0), Launch((3,), 4, 1, (ARRIVED,)), Work(0, 60.0), Launch((1,), 4, 1, ()),
    Work(0, 60.0),
)  # fmt: skip
SCENES = (
    Scene(sends_again_blindly),
    Scene(takes_unknown_for_refused),
    Scene(needs_no_control, (Lie("list cut", "none at all"),)),
    Scene(
        believes_old_lists,
        (Lie("cached", "600 with its old Date"),),
        (Work(0, 700.0), *ALONE),
        connection="list",
    ),
    Scene(counts_early_controls, HIDES, (LOSES, Work(0, 8.0), Launch((-2,), 4, 1, ()), Work(0, 130.0))),
    Scene(does_not_settle, (Lie("acts after", "10"),), warm=2),
    Scene(excludes_by_clock, (Lie("created_at is off by", "-3600"),)),
    Scene(excludes_alike_prompts, SOME_LOWER, warm=2),
    Scene(forgets_what_is_near, (Lie("created_at is off by", "-315360000"),)),
    Scene(trusts_any_key),
    Scene(overlooks_what_has_ended, (), ALONE, warm=2),
    Scene(takes_any_control, REWORDED, PLAIN_THEN_HARD, warm=0),
)
