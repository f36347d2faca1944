"""Compares listed entries with what was asked for, as pure functions.

Servers cut, rewrite, escape and round what they list. So a difference alone excludes nothing. It means another
request only where known renders or posts of ours (controls) came back unchanged.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelwork_hooks.effects import Candidate
from reelwork_hooks.models import Post
from reelwork_hooks.provider import RenderRequest

Fields = Mapping[str, Any]
TEXTS = ("prompt", "negative_prompt", "title", "caption")
TELLING = ("prompt", "caption", "title", "video")
"""Fields that tell one request from another. An entry that lists none of them fits nothing."""
REF = "ref"
# Some servers round a size to what their model can do and list the result.
SIZE_TOLERANCE = 32
"""Pixels."""
# Models make whole numbers of frames, so that 4 seconds may be listed as 4.04 or 3.9.
SECONDS_TOLERANCE = 0.6
# A server that rewords a prompt keeps more of its words than this. Where fewer are shared, the text is another one.
LEAST_SHARED = 0.5
# The shortest, the longest and the hardest tell what a list can return. More would only make the store grow.
MOST_EXAMPLES = 6
# Scripts without spaces between words are split into characters, else one changed sign would change the whole text.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")
_SPECIAL = frozenset("\"'`´‘’“”«»&<>\\{}\n\r\t")
_CUT = ("…", "...")


@dataclass(frozen=True)
class Echo:
    """The record of how controls came back in one field, in one state."""

    exact: int = 0
    differs: int = 0
    values: frozenset[str] = frozenset()
    """Different values that came back exactly, some of the shortest, longest and hardest."""

    @property
    def faithful(self) -> bool:
        """True if the field came back as asked each time, so that a difference means another request."""
        return self.exact > 0 and self.differs == 0

    def covers(self, name: str, text: str) -> bool:
        """Return whether texts no longer than this came back exactly, and some that are at least as hard."""
        # Servers reword what is too short for their models, cut what is long and escape what is special.
        ours = {name: _plain(text)}
        shorter = any(len(value) <= len(ours[name]) for value in self.values)
        return shorter and any(at_least_as_hard({name: value}, ours) for value in self.values)

    @property
    def tells_apart(self) -> bool:
        """True if the field came back as asked with different values, not as one value that is always listed."""
        return self.faithful and len(self.values) > 1


Echoes = Mapping[tuple[str, str], Echo]
"""By state and field."""


@dataclass(frozen=True)
class Entry:
    """One entry of a list, with what the ledger knows of its id."""

    id: str
    ref: str | None = None
    fields: Fields = field(default_factory=dict)
    state: str = "ended"
    created_at: float | None = None
    seen_before: bool = False
    """It was listed before the request in question was sent."""
    owner: str | None = None
    """The effect it belongs to."""
    owners_fields: Fields = field(default_factory=dict)
    """The fields that effect asked for."""


@dataclass(frozen=True)
class Asked:
    """One effect's request, and what is known about how this list shows such requests."""

    key: str
    fields: Fields
    echoes: Echoes = field(default_factory=dict)
    listed_as: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """The values listed for controls that asked for a value of a field, by field and value."""
    earliest: float | None = None
    """By the list's clock, roughly when it was sent. What is listed as older is not taken for it unasked."""


@dataclass(frozen=True)
class Compared:
    """A list, compared with one request."""

    fits: tuple[Entry, ...] = ()
    """Those that fit exactly and belong to no other effect, oldest first."""
    near: tuple[Entry, ...] = ()
    """Others that are not excluded."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """The others by id, with the reason."""


def fields_of_request(request: RenderRequest, model: str | None) -> dict[str, Any]:
    """Return the fields that a request asks for, under the names of `Listing`."""
    spec = request.spec
    asked = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or None,
        "model": request.model or model,
        "duration": spec.duration,
        "size": f"{spec.width}x{spec.height}",
        "fps": spec.fps,
        "seed": spec.seed,
    }
    return {name: value for name, value in asked.items() if value is not None}


def fields_of_post(post: Post) -> dict[str, Any]:
    """Return the fields of a post, under the names of `Listing`."""
    said = {"title": post.title, "caption": post.caption, "hashtags": list(post.hashtags)}
    return {**{name: value for name, value in said.items() if value}, "video": post.clip.video.sha256}


def entry_of(candidate: Candidate[Any], id_: str) -> Entry:
    """Return a candidate in the form in which the ledger compares it."""
    at = candidate.created_at.timestamp() if candidate.created_at is not None else None
    # Lists fill in 0 where they know no time. Taken for a time, it would make every entry too old to be ours.
    created_at = at if at is not None and at > 1e9 else None
    return Entry(id_, candidate.ref, dict(candidate.fields), candidate.state, created_at)


def compare(entries: Iterable[Entry], asked: Asked) -> Compared:
    """Sort entries into those that fit, those that may be it, and those that are excluded."""
    fits: list[Entry] = []
    near: list[Entry] = []
    excluded: dict[str, str] = {}
    for entry in entries:
        why = exclusion(entry, asked)
        if why:
            excluded[entry.id] = why
        elif entry.owner is None and may_be_taken(entry, asked):
            fits.append(entry)
        else:
            # Not proven to be another's and not free to take: it is shown to a person rather than ignored.
            near.append(entry)
    return Compared(tuple(sorted(fits, key=_age)), tuple(near), excluded)


def _age(entry: Entry) -> float:
    return entry.created_at or 0.0


def may_be_taken(entry: Entry, asked: Asked) -> bool:
    """Return whether a free entry is what this request would have made, and not older than it."""
    if entry.seen_before:
        return False
    return fits(entry, asked) and (entry.ref == asked.key or not is_too_old(entry, asked))


def _may_be_new(entry: Entry, asked: Asked) -> bool:
    """Return whether something listed before may be ours by now: some servers give an id out again."""
    dated = entry.created_at is not None and asked.earliest is not None
    return dated and not is_too_old(entry, asked) and fits(entry, asked)


def is_too_old(entry: Entry, asked: Asked) -> bool:
    """Return whether an entry is listed as older than the request."""
    return entry.created_at is not None and asked.earliest is not None and entry.created_at < asked.earliest


def exclusion(entry: Entry, asked: Asked) -> str:
    """Return why an entry cannot be what was asked for; empty if it may be."""
    if entry.ref is not None and entry.ref == asked.key:
        return ""
    if entry.owner is not None:
        if fits(entry, replace(asked, key=entry.owner, fields=entry.owners_fields)):
            return "it belongs to another effect"
        # Where a server's ids begin again, its owner's id may stand for another render by now. So it is compared.
    elif entry.seen_before and not _may_be_new(entry, asked):
        return "it was listed before this was sent"
    return contradiction(entry, asked)


def contradiction(entry: Entry, asked: Asked) -> str:
    """Return what in an entry shows that another request made it; empty if nothing does."""
    if entry.ref is not None and entry.ref != asked.key and _echo(asked, entry, REF).faithful:
        return "it carries another reference of ours"
    for name, ours in asked.fields.items():
        theirs = entry.fields.get(name)
        if theirs is None or same_value(name, ours, theirs):
            continue
        echo = _echo(asked, entry, name)
        if name in TEXTS:
            # A changed text alone proves nothing. The list must be known to return such texts, and this one must
            # share little with ours.
            if echo.faithful and echo.covers(name, str(ours)) and unlike(str(theirs), str(ours)):
                return f"its {name} is another, and this list gives them back as they were sent"
        # A list that shows one value for all, such as 4 seconds, looks faithful until another value is asked for.
        elif echo.tells_apart and not _akin(entry, asked):
            return f"its {name} is another, and this list gives it back as it was asked for"
    return ""


def _akin(entry: Entry, asked: Asked) -> bool:
    """Return whether an entry's text may be ours."""
    # If it may be, no other field excludes the entry: a listed text of ours that no effect owns is most likely
    # ours.
    shared = [name for name in TEXTS if entry.fields.get(name) and asked.fields.get(name)]
    return bool(shared) and not any(unlike(str(entry.fields[name]), str(asked.fields[name])) for name in shared)


def _echo(asked: Asked, entry: Entry, name: str) -> Echo:
    return asked.echoes.get((entry.state, name), Echo())


def fits(entry: Entry, asked: Asked) -> bool:
    """Return whether all that an entry says is what this request would have made it say.

    An entry with the reference of this request always fits. Any other must list a field of `TELLING` that was asked
    for.
    """
    if entry.ref is not None and entry.ref == asked.key:
        return True
    if not any(name in entry.fields for name in TELLING if name in asked.fields):
        return False
    return not differs(entry, asked)


def differs(entry: Entry, asked: Asked) -> bool:
    """Return whether something that an entry says is not what this request would have made it say."""
    shared = [name for name in asked.fields if entry.fields.get(name) is not None]
    # What an entry leaves out says nothing against it: many lists show the prompt only once the render has ended.
    return not all(_alike(name, asked, entry.fields[name]) for name in shared)


def _alike(name: str, asked: Asked, theirs: Any) -> bool:
    ours = asked.fields[name]
    listed = asked.listed_as.get((name, _plain(ours)), frozenset())
    return same_value(name, ours, theirs) or means_the_same(name, ours, theirs) or _plain(theirs) in listed


def same_value(name: str, ours: Any, theirs: Any) -> bool:
    """Return whether a field came back as asked for. Texts may differ in white space at the ends and within."""
    if name in TEXTS:
        return _spaced(str(ours)) == _spaced(str(theirs))
    return _plain(ours) == _plain(theirs)


def means_the_same(name: str, ours: Any, theirs: Any) -> bool:
    """Return whether a listed value may stand for the one asked for.

    It may be rounded to frames or blocks, or be a longer or shorter name.
    """
    if name == "duration":
        seconds = _number(theirs)
        return seconds is not None and abs(seconds - float(ours)) <= SECONDS_TOLERANCE
    if name == "size":
        return _same_size(str(ours), str(theirs))
    if name == "model":
        a, b = (str(value).rsplit("/", 1)[-1].lower() for value in (ours, theirs))
        return a.startswith(b) or b.startswith(a)
    return False


def unlike(theirs: str, ours: str) -> bool:
    """Return whether two texts have so little in common that neither is a version of the other."""
    a, b = _core(theirs), _core(ours)
    if not a or not b or a.startswith(b) or b.startswith(a):
        return False
    words, others = set(_WORD.findall(a)), set(_WORD.findall(b))
    smaller = min(len(words), len(others))
    return smaller > 0 and len(words & others) / smaller < LEAST_SHARED


def at_least_as_hard(control: Fields, asked: Fields) -> bool:
    """Return whether a list that gives back the control's text may be expected to give back this one too."""
    theirs, ours = _text(control), _text(asked)
    if len(theirs) < len(ours):
        return False
    return set(_difficulties(ours)) <= set(_difficulties(theirs))


def echoes_of(controls: Sequence[tuple[Entry, str, Fields]]) -> dict[tuple[str, str], Echo]:
    """Count how controls came back. Each is an entry, the key of its effect, and what that effect asked for."""
    found: dict[tuple[str, str], Echo] = {}
    for entry, key, asked in controls:
        if entry.ref is not None:
            _count(found, entry.state, REF, "", same=entry.ref == key)
        for name, ours in asked.items():
            theirs = entry.fields.get(name)
            if theirs is not None:
                _count(found, entry.state, name, _plain(ours), same=same_value(name, ours, theirs))
    return found


def added(one: Echo, other: Echo) -> Echo:
    """Add up two echoes."""
    return Echo(one.exact + other.exact, one.differs + other.differs, _telling(one.values | other.values))


def _telling(values: frozenset[str]) -> frozenset[str]:
    """Return a few of many values: the shortest, the longest, and the hardest to return unchanged."""
    if len(values) <= MOST_EXAMPLES:
        return values
    by_length = sorted(values, key=lambda value: (len(value), value))
    hardest = sorted(by_length, key=lambda value: -len(set(_difficulties(value))))
    return frozenset([by_length[0], by_length[-1], *hardest[: MOST_EXAMPLES - 2]])


def listed_as(controls: Sequence[tuple[Entry, str, Fields]]) -> dict[tuple[str, str], frozenset[str]]:
    """Return how lists show the values that controls asked for. Texts are left out, since each one differs."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for entry, _, asked in controls:
        for name, ours in asked.items():
            theirs = entry.fields.get(name)
            if name not in TEXTS and theirs is not None:
                at = (name, _plain(ours))
                found[at] = found.get(at, frozenset()) | {_plain(theirs)}
    return found


def _count(found: dict[tuple[str, str], Echo], state: str, name: str, value: str, *, same: bool) -> None:
    one = Echo(1, 0, frozenset({value})) if same else Echo(0, 1)
    found[state, name] = added(found.get((state, name), Echo()), one)


def _core(text: str) -> str:
    plain = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    plain = " ".join(plain.split())
    # A prompt that was cut for the list is the beginning of ours; its "…" is not.
    for end in _CUT:
        plain = plain.removesuffix(end).rstrip()
    return plain


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _plain(value: Any) -> str:
    """Return a value as text, so that 4, 4.0 and "4" are equal."""
    number = _number(value)
    if number is not None:
        return f"{number:g}"
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip().lower()
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).lower()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _same_size(ours: str, theirs: str) -> bool:
    a, b = (text.lower().replace("*", "x").split("x") for text in (ours, theirs))
    if len(a) != 2 or len(b) != 2 or not all(part.strip().isdecimal() for part in (*a, *b)):
        return False
    return all(abs(int(one) - int(other)) <= SIZE_TOLERANCE for one, other in zip(a, b, strict=True))


def _text(fields: Fields) -> str:
    return "\n".join(str(fields[name]) for name in TEXTS if fields.get(name))


def _difficulties(text: str) -> Iterator[str]:
    """Yield what a server may not give back unchanged in a text."""
    if "  " in text:
        yield "double space"
    for sign in set(text):
        category = unicodedata.category(sign)
        if sign in _SPECIAL or category in ("Cc", "Cf"):
            yield sign
        elif category in ("So", "Sk") or ord(sign) > 0xFFFF:
            yield "emoji"
        elif category.startswith(("L", "M")):
            script = unicodedata.name(sign, "?").split(" ")[0]
            yield script if sign.isascii() or script != "LATIN" else "LATIN beyond ASCII"
