"""The secret references a workflow uses: those it writes, and those its plugins have as defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_hooks.errors import SecretNotFound
from reelwork_hooks.plugin import Config, Context

# A scheme here is one of `SECRET_SCHEMES`, which `secrets.py` reads.
# `file://…` is an address, not a reference. `\Z`: `$` would let a line break pass.
SECRET = re.compile(r"(env:[A-Za-z_]\w*|file:(?!//)\S+|aws-sm:\S+)\Z")


@dataclass(frozen=True)
class NamedSecret:
    """A reference, and the setting that holds it."""

    place: str
    """Such as `plugin.bluesky.password`."""
    reference: str
    default: bool
    """The workflow does not write it: it is the plugin's own default."""

    def read(self, context: Context) -> None:
        """Read the secret, to see that it is there. Raises `SecretNotFound`."""
        try:
            context.secret(self.reference)
        except SecretNotFound as error:
            note = f"The setting is {self.place}."
            if self.default:
                note = f"It is the default of {self.place}, which may name another."
            raise SecretNotFound(
                error.message, money=error.money, hint=" ".join(part for part in (error.hint, note) if part)
            ) from error


def named_secrets(section: str, written: Mapping[str, Any], config: Config) -> Iterator[NamedSecret]:
    """Yield the references that a section writes, then those that only its checked settings hold."""
    said = dict(_references(section, written))
    for place, reference in said.items():
        yield NamedSecret(place, reference, default=False)
    # pydantic does not check defaults, and its warning about one of another kind shows the value.
    for place, reference in _references(section, config.model_dump(warnings=False)):
        if place not in said:
            yield NamedSecret(place, reference, default=True)


def _references(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and SECRET.match(value):
        yield place, value
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, item in items:
        yield from _references(f"{place}.{key}", item)
