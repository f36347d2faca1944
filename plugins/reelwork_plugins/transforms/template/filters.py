"""The filters and tests of a template. Each gives no more than it gets, or says how much first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.filters import do_title
from jinja2.runtime import Context

from reelwork_plugins.transforms.template.work import (
    CHARACTERS_A_STEP,
    LONGEST_VALUE,
    Refused,
    Work,
    plain,
    sized,
    text,
)

WORK = " work"
MOST_DIGITS = 10


def _work(context: Context) -> Work:
    work: Work = context[WORK]
    return work


def _listed(value: Any) -> list[Any]:
    """Return the items of a list, or the names of a mapping. Raises `Refused`."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        return list(value)
    plain(value)
    raise Refused("a list is needed here, not a text or a number")


@pass_context
def each(context: Context, value: Any, size: int) -> list[Any]:
    """Return what a loop goes through, once its steps are counted: `size` for each."""
    items = _listed(value)
    _work(context).step(1 + len(items) * size)
    return items


@pass_context
def joined(context: Context, first: Any, *more: Any) -> str:
    """Return texts and numbers, one behind the other."""
    parts = [text(first), *(text(one) for one in more)]
    _room(sum(map(len, parts)))
    return sized(_work(context), "".join(parts))


def flat(value: list[Any]) -> list[Any]:
    """Return a list of texts and numbers. Raises `Refused` for a list of lists, which could grow without end."""
    return [plain(item) for item in value]


@pass_context
def join(context: Context, value: Any, between: str = "") -> str:
    """Return the items of a list, with a text between them."""
    parts, space = [text(item) for item in _listed(value)], text(between)
    _room(sum(map(len, parts)) + len(space) * len(parts))
    return sized(_work(context), space.join(parts))


@pass_context
def replace(context: Context, value: Any, old: str, new: str) -> str:
    """Return a text with a part of it replaced."""
    whole, old, new = text(value), text(old), text(new)
    if not old:
        raise Refused("replace needs the text that is replaced")
    # Before it is made: twice the same square would fill the memory.
    _room(len(whole) + whole.count(old) * (len(new) - len(old)))
    return sized(_work(context), whole.replace(old, new))


@pass_context
def truncate(context: Context, value: Any, length: int, end: str = "…") -> str:
    """Return a text of at most so many characters, cut at the end of a word where it is too long."""
    whole, end = sized(_work(context), text(value)), text(end)
    if len(whole) <= length:
        return whole
    room = length - len(end)
    if room <= 0:
        return ""
    kept = whole[:room]
    words = kept if whole[room].isspace() else kept.rpartition(" ")[0]
    return (words if len(words) > room // 2 else kept).rstrip() + end


def default(value: Any, otherwise: Any = "") -> Any:
    """Return another value for what is not there."""
    return value if not isinstance(value, Undefined) and value is not None else otherwise


def items(value: Any) -> list[Any]:
    """Return the names of a mapping with their values, for a loop over both."""
    if not isinstance(value, Mapping):
        plain(value)
        raise Refused("items takes values with names, such as vars")
    return [[name, one] for name, one in value.items()]


def length(value: Any) -> int:
    """Return the number of characters of a text, or of the items of a list."""
    return len(value if isinstance(value, str) else _listed(value))


@pass_context
def ordered(context: Context, value: Any) -> list[Any]:
    """Return a list in order: numbers by size, else by their letters."""
    found = flat(_listed(value))
    _work(context).step(len(found))
    numbers = all(isinstance(item, int | float) for item in found)
    return sorted(found) if numbers else sorted(found, key=lambda item: (str(item).casefold(), str(item)))


def unique(value: Any) -> list[Any]:
    """Return a list without what comes twice."""
    return list(dict.fromkeys(flat(_listed(value))))


def first(value: Any) -> Any:
    """Return the first item of a list."""
    return _one(_listed(value), 0)


def last(value: Any) -> Any:
    """Return the last item of a list."""
    return _one(_listed(value), -1)


def _one(found: list[Any], at: int) -> Any:
    if not found:
        raise Refused("the list is empty")
    return found[at]


def rounded(value: Any, digits: Any = 0) -> float | int:
    """Return a number with at most so many digits behind the point."""
    if not isinstance(digits, int) or not 0 <= digits <= MOST_DIGITS:
        raise Refused(f"round takes 0 to {MOST_DIGITS} digits")
    number = round(_number(value), digits)
    return number if digits else int(number)


def whole(value: Any) -> int:
    """Return the whole part of a number, also of one that is written as a text."""
    return int(_number(value))


def _number(value: Any) -> float:
    found = plain(value)
    try:
        return found if isinstance(found, int | float) else float(found)
    except ValueError:
        raise Refused(f"{str(found)[:40]!r} is not a number") from None


def _room(size: int) -> None:
    if size > LONGEST_VALUE:
        raise Refused(f"a text has more than {LONGEST_VALUE} characters")


def _of_text(change: Callable[[str], Any]) -> Callable[..., Any]:
    @pass_context
    def apply(context: Context, value: Any) -> Any:
        given = text(value)
        _work(context).step(1 + len(given) // CHARACTERS_A_STEP)
        return change(given)

    return apply


FILTERS: Mapping[str, Callable[..., Any]] = {
    " each": each,
    " joined": joined,
    " flat": flat,
    "capitalize": _of_text(str.capitalize),
    "default": default,
    "first": first,
    "float": _number,
    "int": whole,
    "items": items,
    "join": join,
    "last": last,
    "length": length,
    "lower": _of_text(str.lower),
    "replace": replace,
    "reverse": lambda value: _listed(value)[::-1],
    "round": rounded,
    "sort": ordered,
    "string": text,
    "title": _of_text(lambda value: str(do_title(value))),
    "trim": _of_text(str.strip),
    "truncate": truncate,
    "unique": unique,
    "upper": _of_text(str.upper),
    "wordcount": _of_text(lambda value: len(value.split())),
}
TESTS: Mapping[str, Callable[..., Any]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "even": lambda value: whole(value) % 2 == 0,
    "odd": lambda value: whole(value) % 2 == 1,
}
