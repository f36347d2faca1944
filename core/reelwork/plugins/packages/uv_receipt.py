"""The receipt of `uv tool install`: the packages it was asked for, and the words that ask for them again."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.plugins.package_names import OURS, normalized
from reelwork_hooks.errors import InvalidInput

FILE = "uv-receipt.toml"
_KNOWN = {"requirements", "python", "entrypoints"}
_KNOWN_OF_ONE = {"name", "extras", "specifier", "path", "directory", "editable", "url"}


class NotRepeatable(InvalidInput):
    """The receipt holds something that could be lost when the tool is installed again."""


@dataclass(frozen=True)
class Receipt:
    """The packages that the tool was installed with."""

    tool: tuple[str, ...]
    """The words for Reelwork itself."""
    others: Mapping[str, tuple[str, ...]]
    """The words for each other package, by its normalized name."""
    python: str
    """The interpreter that was asked for; empty if none was."""
    bin: str
    """The folder of the tool's commands; empty if it has none."""

    def words(self, new: Iterable[tuple[str, str]] = (), without: Iterable[str] = ()) -> Iterator[str]:
        """Yield the words for all that is to be there: all of before, and what is new, by name."""
        left_out = {*without, *(name for name, _ in new)}
        yield from self.tool
        for name, words in self.others.items():
            if name not in left_out:
                yield from words
        for _, text in new:
            yield from ("--with", text)


def read_receipt(prefix: Path) -> Receipt:
    """Read the receipt of a tool. Raises `NotRepeatable`."""
    try:
        tool: dict[str, Any] = tomllib.loads((prefix / FILE).read_text("utf-8"))["tool"]
        requirements: list[dict[str, Any]] = tool["requirements"]
        by_name = {normalized(one["name"]): one for one in requirements}
        ours = by_name.pop(OURS)
        bins = {str(Path(entry["install-path"]).parent) for entry in tool.get("entrypoints", ())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotRepeatable(f"{prefix / FILE} cannot be read: {error}") from None
    if unknown := {name for name, value in tool.items() if value} - _KNOWN:
        raise NotRepeatable(f"Reelwork was installed with more than packages: {', '.join(sorted(unknown))}.")
    others = {name: tuple(_words(one, "--with")) for name, one in by_name.items()}
    return Receipt(tuple(_words(ours)), others, str(tool.get("python", "")), min(bins, default=""))


def _words(one: Mapping[str, Any], option: str = "") -> Iterator[str]:
    if unknown := one.keys() - _KNOWN_OF_ONE:
        raise NotRepeatable(f"{one['name']} was installed by: {', '.join(sorted(unknown))}.")
    if "editable" in one:
        yield from (f"{option}-editable" if option else "--editable", str(one["editable"]))
        return
    extras = f"[{','.join(one['extras'])}]" if one.get("extras") else ""
    path = one.get("path") or one.get("directory")
    address = one.get("url") or (Path(path).absolute().as_uri() if path else "")
    yield from (option,) * bool(option)
    yield f"{one['name']}{extras}{f' @ {address}' if address else one.get('specifier', '')}"
