"""The settings of a workflow that are in force, each with where it was written. Secrets are not among them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.credentials.named_secrets import SECRET
from reelwork.redaction.redactor import mask, without_credentials
from reelwork.settings.layers import laid_over
from reelwork.settings.workflow import layers_of, load
from reelwork.text import shown

DEFAULT = "default"
HIDDEN = "(not shown)"
# A person may have written a secret where its reference belongs, under a name of any plugin.
_PRIVATE = re.compile(r"key|secret|token|password|passphrase|credential|webhook|url$", re.IGNORECASE)
LONGEST_VALUE = 300


@dataclass(frozen=True)
class Setting:
    """One setting."""

    key: str
    """Such as `provider.poll_interval`."""
    value: str
    where: str
    """The file or the variable it was written in, or `DEFAULT`."""


def settings_in_force(path: Path | None, cwd: Path, environ: Mapping[str, str] | None = None) -> list[Setting]:
    """Return the settings of a workflow, in the order of its tables. Raises `WorkflowInvalid`."""
    told = os.environ if environ is None else environ
    layers = layers_of(path, {}, told, cwd)
    written = laid_over(layers)
    workflow = load(path, environ=told, cwd=cwd).workflow.model_dump(mode="json")
    found = []
    # What plugins take under their own names stands beside what the workflow itself has.
    for keys, value in _leaves({**written, **workflow}):
        # A layer that chooses another provider takes the settings of those below away: they are not in force.
        is_written = _has(written, keys)
        saying = [one for one in layers if one.where and one.says(keys)] if is_written else []
        where = saying[-1].where if saying else "another name in the files" if is_written else DEFAULT
        found.append(Setting(".".join(keys), _told(keys[-1], value), where))
    return found


def _leaves(table: Mapping[str, Any], above: Sequence[str] = ()) -> Iterator[tuple[list[str], Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, [*above, key])
        elif value not in (None, {}, []):
            yield [*above, key], value


def _has(table: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(table, Mapping) or key not in table:
            return False
        table = table[key]
    return True


def _told(key: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if not _PRIVATE.search(key) or isinstance(value, bool | int | float) or _are_references(value):
        return shown(mask(text), LONGEST_VALUE)
    # What an address carries after its place may be a secret; what is no address and no reference is one for sure.
    return without_credentials(text).partition("?")[0] if text.startswith(("http://", "https://")) else HIDDEN


def _are_references(value: Any) -> bool:
    given = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(one, str) and SECRET.match(one) for one in given)
