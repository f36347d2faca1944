"""The meaning of cells, however they are spelled. A row is identified by the meaning of its cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reelwork.ids import fingerprint
from reelwork_hooks.models import Brief, PostCopy, Reference

# A file or an address is looked for as it is written: NFC is another name to some file systems.
AS_WRITTEN = ("references", "input_reference", "webhook", "webhook_url", "model", "options")
SETS = ("platforms", "hashtags")
TABLES = ("metadata", "vars", "options")
"""The keys that are tables. A row completes those of the workflow."""
COPIES = "destinations"
"""The key that is a table of tables, one for each destination."""

PlatformName = Callable[[str], str]
"""The one name of a platform that has several."""


def tidied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells with one form of each letter, one kind of line end, and no space at the ends of lines.

    What is empty then is no cell.
    """
    plain = {
        name: _stripped(value) if name in AS_WRITTEN else _tidy(value)
        for name, value in values.items()
        if value is not None or name == "prompt"
    }
    if isinstance(ratio := plain.get("aspect_ratio"), str):
        plain["aspect_ratio"] = _as_ratio(ratio)
    return {name: value for name, value in plain.items() if value or value not in ("", (), [], {})}


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return _tidy_text(value)
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    if isinstance(value, Mapping):
        return {_tidy(key): tidy for key, item in value.items() if (tidy := _tidy(item)) not in ("", None)}
    return value


def _tidy_text(text: str) -> str:
    if text.isascii() and "\n" not in text and "\r" not in text:
        return text.strip()
    # The same letters from another editor or system are the same row, which is not paid for twice.
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _as_ratio(text: str) -> str:
    """Return 16:9 where a spreadsheet took it for a time of day."""
    # Saved as CSV, a spreadsheet writes 16:9 as 16:09 or 16:09:00.
    parts = re.fullmatch(r"0*(\d+):0*(\d+)(:00)?", text)
    return f"{parts[1]}:{parts[2]}" if parts else text


def id_of(given: Any) -> str:
    """Return the `id` of a row in one spelling: 4, "4" and 4.0 are the same."""
    return _plain(given)


def contents_of(brief: Brief, given: Mapping[str, Any], columns: Mapping[str, Any], name: PlatformName) -> str:
    """Return a hash of what a row's own cells mean: `brief` has them parsed, and defaults that do not count."""
    # Only the row's own cells: a changed default of the workflow must not make a new film of every row.
    own = {field: _meant(field, brief, given, name) for field in given if field in Brief.model_fields}
    if columns:
        own["columns"] = {column: _plain(cell) for column, cell in columns.items()}
    return fingerprint(own)


def _meant(field: str, brief: Brief, given: Mapping[str, Any], name: PlatformName) -> Any:
    value = getattr(brief, field)
    if field in TABLES:
        # Only what the row itself says, and not what the workflow adds to it.
        return {str(key): item if _is_nested(item) else _plain(item) for key, item in given[field].items()}
    if field == COPIES:
        return {str(key): _copy(value[key], item) for key, item in given[field].items()}
    if field == "platforms":
        return sorted({name(platform) for platform in value})
    if field == "hashtags":
        # Their order makes no other film.
        return sorted(set(value))
    if field == "references":
        return [_reference(reference) for reference in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return value


def _copy(copy: PostCopy, given: Any) -> Any:
    """Return what a row itself says of one destination, in one spelling."""
    parsed = copy.model_dump(mode="json")
    flat = {**parsed.pop("options", {}), **parsed}
    own = given if isinstance(given, Mapping) else flat
    # Their order makes no other post.
    return {key: sorted(set(flat[key])) if key == "hashtags" else flat.get(key) for key in own}


def _is_nested(item: Any) -> bool:
    return isinstance(item, Mapping | list | tuple)


def _reference(reference: Reference) -> Any:
    source = unicodedata.normalize("NFC", reference.source)
    # Without either it is what it was before there were roles: the same row.
    if reference.role is None and reference.at is None:
        return source
    return [source, reference.role, reference.at]


def same_meaning(one: Brief, other: Brief, name: PlatformName) -> bool:
    """Return whether two briefs ask for the same, in any spelling."""
    return one == other or everything_of(one, name) == everything_of(other, name)


def everything_of(brief: Brief, name: PlatformName) -> dict[str, Any]:
    """Return all that a brief asks for, in one spelling."""
    given = {field: tidied({field: getattr(brief, field)}).get(field) for field in Brief.model_fields}
    tables = {field: getattr(brief, field) for field in (*TABLES, COPIES)}
    meant = {field: _meant(field, brief, tables, name) for field in Brief.model_fields}
    texts = {field: value for field, value in given.items() if isinstance(value, str)}
    return {**meant, **texts}


def _plain(value: Any) -> str:
    """Return a value as a person writes it: 4.0 as 4, TRUE as true."""
    if isinstance(value, bool):
        return str(value).lower()
    text = _tidy_text(str(value))
    if text.lower() in ("true", "false"):
        return text.lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text) if "." in text else text


def texts_of(values: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells by the names of their columns, as templates are filled with them."""
    named: dict[str, Any] = {}
    for table in TABLES:
        given = values.get(table)
        named |= {f"{table}.{key}": item for key, item in given.items()} if isinstance(given, Mapping) else {}
    plain = {key: item for key, item in values.items() if key not in (*TABLES, COPIES)}
    cells = {**plain, **named, **columns}
    return {key: _listed(item) if isinstance(item, list | tuple) else _plain(item) for key, item in cells.items()}


def vars_of(brief: Mapping[str, Any]) -> dict[str, str]:
    """Return a brief's own values by the names of their places, such as `vars.season`."""
    given = brief.get("vars")
    if not isinstance(given, Mapping):
        return {}
    return {f"vars.{key}": _plain(item) for key, item in given.items() if not _is_nested(item)}


def _listed(items: Iterable[Any]) -> str:
    return ", ".join(str(item) for item in items)
