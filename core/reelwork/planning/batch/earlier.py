"""The identities rows had before their cells were read for their meaning.

Stores hold keys of that kind, and what was paid for under them must be found again: these rules never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelwork.ids import fingerprint
from reelwork.planning.batch.reading import Rows
from reelwork.plugins.pipeline import Pipeline

_ENDINGS = (".csv", ".jsonl", ".txt")


def earlier_base(rows: Rows, pipeline: Pipeline) -> str:
    """Return the beginning of the keys of a batch's jobs: its path, the account as written, and the model."""
    # Never to be mended: a byte that differs here, and what was paid for under the old key is paid for again.
    config: Any = pipeline.provider.config
    use = pipeline.provider_name
    parts = (use, getattr(config, "base_url", ""), getattr(config, "api_key", ""))
    account = f"{use} {config.account}" if config.account else " ".join(str(part) for part in parts if part)
    return fingerprint([str(rows.path.resolve()), account, config.model, ""])


def earlier_identities(rows: Rows) -> Iterator[str]:
    """Yield each row's identity: its `id` as written, or its cells as written and its number among equal rows."""
    seen: dict[str, int] = {}
    for at in range(len(rows)):
        # As written, not by meaning: the keys in old stores were made of the cells' spelling.
        values = dict(rows.raw(at))
        given = values.pop("id", None)
        if given is not None:
            yield f"id:{given}"
            continue
        contents = fingerprint(values)
        seen[contents] = seen.get(contents, 0) + 1
        yield f"row:{contents}:{seen[contents]}"


def was_read(rows: Rows) -> bool:
    """Return whether there could be batches of this kind of file."""
    return rows.path.suffix.lower() in _ENDINGS
