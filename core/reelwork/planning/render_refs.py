"""Renders as providers get them, made from the store's rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import overload

from reelwork.store.records import RenderRow
from reelwork_hooks.provider import RenderRef, RenderRequest


def render_ref(render: RenderRow) -> RenderRef:
    """Return a render as providers get it."""
    return RenderRef(
        remote_id=render.remote_id,
        details=json.loads(render.details),
        request=RenderRequest.model_validate_json(render.request),
        submitted_at=datetime.fromtimestamp(render.submitted_at, UTC),
    )


class RenderRefs(Sequence[RenderRef]):
    """Renders as providers get them, each made when it is taken: ten thousand at once would fill the memory."""

    def __init__(self, renders: Sequence[RenderRow]) -> None:
        self._renders = renders

    def __len__(self) -> int:
        return len(self._renders)

    @overload
    def __getitem__(self, at: int) -> RenderRef: ...

    @overload
    def __getitem__(self, at: slice) -> RenderRefs: ...

    def __getitem__(self, at: int | slice) -> RenderRef | RenderRefs:
        """Return one of them, or some."""
        return RenderRefs(self._renders[at]) if isinstance(at, slice) else render_ref(self._renders[at])

    def __iter__(self) -> Iterator[RenderRef]:
        return map(render_ref, self._renders)
