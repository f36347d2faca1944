"""The traits of a server that lies: for each, what is honest and what else was seen or can be thought of.

A `Personality` is the honest server with some lies. Most lies can be survived: a client may ask a person, yet must
never pay twice. Those under `beyond` cannot, by any client: the server acts after the time it declared, hides or
deletes one entry, breaks its word about keys. They are drawn apart, and their doubles are only counted.

Everything here is a value: the same personality and the same requests at the same times give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SETTLE = 30.0
"""Seconds the workflow declares that a request may take until it is listed. What can be survived stays below."""

WHEN = ("always", "queued", "ended")
GIVEN = ("always", "never", "null", "queued", "ended")


@dataclass(frozen=True)
class Trait:
    """One way in which servers differ."""

    name: str
    honest: str
    lies: tuple[str, ...]
    beyond: tuple[str, ...] = ()
    """Lies that no client can survive."""


def _given(field: str) -> Trait:
    return Trait(f"{field} given", GIVEN[0], GIVEN[1:])


def _when(field: str) -> Trait:
    """When a rewritten field is rewritten; in the other state it is listed as it was sent."""
    return Trait(f"{field} rewritten when", WHEN[0], WHEN[1:])


LISTED_FIELDS = (
    _given("prompt"),
    _given("model"),
    _given("seconds"),
    _given("size"),
    _given("created_at"),
    _given("status"),
    Trait(
        "prompt",
        "exact",
        (
            "cut to 20 with an ellipsis", "cut to 40", "cut to 64 with dots", "lower case", "upper case",
            "HTML entities", "white space collapsed", "decomposed", "curly quotes", "percent encoded",
            "JSON string", "no emoji", "prefixed", "suffixed",
            "reworded a little", "empty", "first line only", "wrapped in an object",
            "reworded wholly",
        ),
    ),
    _when("prompt"),
    Trait("prompt rewritten where", "everywhere", ("long ones", "those with special characters"), ("some",)),
    Trait(
        "seconds",
        "exact",
        ("zero", "at least 5", "always 8", "real frames", "with an s", "milliseconds", "null text"),
    ),
    _when("seconds"),
    Trait(
        "size",
        "exact",
        ("real frame", "swapped", "720p", "with a star", "rounded to 64", "always 1280x720", "4K"),
    ),
    _when("size"),
    Trait("model", "exact", ("dated", "a path", "upper case", "another name", "empty")),
    _when("model"),
    Trait(
        "created_at",
        "epoch",
        (
            "zero", "ISO without a zone", "ISO in another zone", "ISO with Z", "milliseconds", "text", "fraction",
            "words",
        ),
    ),
    Trait("created_at means", "accepted", ("ended", "listed")),
    Trait("created_at is off by", "0", ("-180", "180", "-3600", "32400", "-315360000")),
    Trait("status words", "plain", ("upper case", "numbers", "of its own")),
)  # fmt: skip

LIST = (
    Trait("order", "newest first", ("oldest first", "by hash", "by end", "by prompt")),
    Trait("page size", "as asked", ("1", "3", "20")),
    Trait("cursor", "works", ("ignored", "404", "empty page", "500", "starts again at random"), ("skips one",)),
    Trait("has_more", "right", ("always false", "always true", "left out", "text", "number")),
    Trait("total", "left out", ("right", "of the page", "too large", "too small")),
    Trait("list cut", "whole", ("newest 20", "newest 3", "newest 1", "none at all"), ("oldest 6",)),
    Trait("listed after", "0", ("3", "12"), ("90",)),
    Trait("listed while", "always", ("queued", "ended", "being made")),
    Trait(
        "cached",
        "no",
        ("60 with Age", "600 with Age", "600 with its old Date", "20 silently", "20 and whole"),
        ("600 silently",),
    ),
    Trait("kept for", "ever", ("60", "600", "7200")),
    Trait("list wrapped in", "data", ("items", "nothing", "two levels", "null when empty", "an object by id")),
    Trait(
        "list answers",
        "200",
        ("404", "500", "403", "HTML", "nothing", "204", "every second 503", "an error in 200"),
    ),
    Trait("list also has", "nothing", ("each entry twice", "an entry without an id", "null", "other objects")),
    Trait("entries also have", "nothing", ("our key as another's", "deep metadata", "the key of the account")),
    Trait(
        "others make", "nothing", ("one before each", "thirty before each", "the same as ours", "much like ours")
    ),
    Trait("hides", "nothing", (), ("one for ever", "one for five minutes")),
)  # fmt: skip

IDS = (
    Trait(
        "ids", "counted", ("random", "numbers", "one for all", "by prompt", "long with a slash", "upper and lower")
    ),
    Trait("restart", "keeps all", ("forgets, ids begin again", "forgets, ids go on", "keeps, ids begin again")),
)

CREATE = (
    Trait(
        "create answers",
        "the video",
        (
            "wrapped in data", "wrapped in a list", "task_id", "deep in result", "video_id", "a number as id",
            "bare text", "an error in 200", "an error that names it in 200", "an empty body", "204", "201",
            "202 and no body", "HTML", "null", "302 to it", "303 to it", "307 to another host", "id with blanks",
            "id null and a name",
            "wrapped data with task_id", "400 that names it", "409 that it exists", "422 duplicate of it",
            "402 that names it", "404 that names it", "429 that names it", "500 that names it",
            "503 and Retry-After", "202 and Location",
        ),
        ("400 for nothing", "429 for nothing"),
    ),
    Trait("acts after", "0", ("2", "10"), ("120",)),
    Trait(
        "lost answers look like",
        "a reset",
        (
            "an end", "silence", "502", "504 HTML", "500 JSON", "408", "499", "524", "half an answer", "200 HTML",
            "200 and cut JSON", "a wrong length",
        ),
    ),
    Trait("busy answers", "429 with 2 s", ("429 with 0 s", "429 without a time", "429 with a date", "429 negative",
          "429 for quota", "402", "503 with 2 s")),
    Trait("keys", "not taken", ("honoured", "honoured for 48 h", "409 for a repeat", "422 for a repeat",
          "400 with the id for a repeat"), ("ignored", "honoured for a minute")),
)  # fmt: skip

ANSWERS = (
    Trait("Date", "right", ("left out", "3 min behind", "9 h ahead", "stands still", "garbage", "without a zone")),
    Trait("headers", "few", ("a poll hint", "Retry-After on 200", "many", "cookies", "ETag and no-store")),
    Trait(
        "one video answers",
        "200",
        ("404 at first", "404 always", "401", "another prompt", "another id", "503 in turns"),
    ),
    Trait("renders take", "20", ("0", "200", "1200")),
    Trait("renders end", "well", ("failed", "every second failed", "of unknown status")),
    Trait("deletes", "nothing", (), ("one right away", "each when it ends")),
)  # fmt: skip

TRAITS: Mapping[str, Trait] = {trait.name: trait for trait in (*LISTED_FIELDS, *LIST, *IDS, *CREATE, *ANSWERS)}


OWN: dict[str, Trait] = {}
"""Traits of one protocol alone, by name."""


def own(*traits: Trait) -> tuple[Trait, ...]:
    """Add traits of one protocol, and return them."""
    OWN.update({trait.name: trait for trait in traits})
    return traits


def trait_of(name: str) -> Trait:
    """A trait by its name."""
    return TRAITS.get(name) or OWN[name]


class Lie(NamedTuple):
    """One trait that is not the honest one."""

    trait: str
    value: str

    def __str__(self) -> str:
        return f"{self.trait}: {self.value}"


LIES = tuple(Lie(trait.name, value) for trait in TRAITS.values() for value in trait.lies)
"""What a client must survive."""
BEYOND = tuple(Lie(trait.name, value) for trait in TRAITS.values() for value in trait.beyond)
"""What no client can survive."""


@dataclass(frozen=True)
class Personality:
    """A server's character: the honest one, but for these lies."""

    lies: tuple[Lie, ...] = ()

    def __post_init__(self) -> None:
        traits = [(lie, trait_of(lie.trait)) for lie in self.lies]
        wrong = [lie for lie, trait in traits if lie.value not in (*trait.lies, *trait.beyond)]
        assert not wrong, f"no such lies: {wrong}"
        assert len({lie.trait for lie in self.lies}) == len(self.lies), "two lies of one trait"

    def __getitem__(self, trait: str) -> str:
        return next((lie.value for lie in self.lies if lie.trait == trait), trait_of(trait).honest)

    @property
    def survivable(self) -> bool:
        """Whether a client can keep from paying twice."""
        return not any(lie.value in trait_of(lie.trait).beyond for lie in self.lies)

    @classmethod
    def of(cls, lies: Sequence[Lie]) -> Personality:
        """With the first lie of each trait."""
        first: dict[str, Lie] = {}
        for lie in lies:
            first.setdefault(lie.trait, lie)
        return cls(tuple(first.values()))

    def __str__(self) -> str:
        return "; ".join(map(str, self.lies)) or "honest"
