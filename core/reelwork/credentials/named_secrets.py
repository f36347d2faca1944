"""The secret references a workflow uses: those it writes, and those its plugins have as defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_hooks.errors import SecretNotFound
from reelwork_hooks.plugin import Config, Context

SECRET = re.compile(r"(env:[A-Za-z_]\w*|file:(?!//)\S+|aws-sm:\S+)\Z")


@dataclass(frozen=True)
class NamedSecret:
    """A reference, and the setting that holds it."""

    place: str
    """Such as `plugin.bluesky.password`."""
    reference: str
    default: bool
    """The workflow does not say it: it is what the plugin takes when nothing is said."""

    def read(self, context: Context) -> None:
        """Look whether it leads anywhere. Raises `SecretNotFound`."""
        try:
            context.secret(self.reference)
        except SecretNotFound as error:
            told = f"The setting is {self.place}."
            if self.default:
                told = f"It is the default of {self.place}, which may name another."
            raise SecretNotFound(
                error.message, money=error.money, hint=" ".join(part for part in (error.hint, told) if part)
            ) from error


def named_secrets(section: str, written: Mapping[str, Any], config: Config) -> Iterator[NamedSecret]:
    """The references in a section's settings as written, then those that only its checked settings hold."""
    said = dict(_references(section, written))
    for place, reference in said.items():
        yield NamedSecret(place, reference, default=False)
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
