"""A gateway's own list of models: the abilities and price of each, cached with the day they were read.

Only `prepare` reads it, since planning must not use the network. So the first plan for a gateway knows no limits
and no price, and a later one does. A model that is not listed has no limits here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from reelwork_hooks import InvalidInput, Price, RenderRequest, Resolution, Unavailable
from reelwork_hooks.money import MOST_DOLLARS
from reelwork_plugins.providers.videos_api.answers import json_of
from reelwork_plugins.providers.videos_api.server import Server
from reelwork_plugins.providers.videos_api.wire import listed_name

KEPT = timedelta(days=1)
"""The age at which the list is read again."""
RESOLUTIONS: tuple[Resolution, ...] = ("720p", "1080p", "480p")
_FIELDS = (
    "supported_durations", "supported_resolutions", "supported_aspect_ratios", "supported_frame_images", "seed",
    "pricing_skus",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """The list's entry for one model. None: the list says nothing of it."""

    model: str
    as_of: date
    source: str
    durations: tuple[float, ...] | None = None
    resolutions: tuple[str, ...] | None = None
    aspect_ratios: tuple[str, ...] | None = None
    seed: bool | None = None
    first_frame: bool | None = None
    per_second: Decimal | None = None
    """US dollars, the most that a second can cost."""

    @property
    def price(self) -> Price | None:
        """The price with its date and source."""
        if self.per_second is None:
            return None
        return Price(per_second=self.per_second, as_of=self.as_of, source=self.source)

    @property
    def default_resolution(self) -> Resolution:
        """The usual resolution, or the nearest that the model has."""
        for name in RESOLUTIONS:
            if self.resolutions is None or self.resolutions.count(name):
                return name
        return RESOLUTIONS[0]

    def check(self, request: RenderRequest) -> None:
        """Raise `InvalidInput` for what the gateway would refuse."""
        spec = request.spec
        asked = (
            ("lengths", f"{spec.duration:g}", _texts(self.durations)),
            ("resolutions", listed_name(spec.resolution), self.resolutions),
            ("aspect ratios", spec.aspect_ratio, self.aspect_ratios),
        )
        for what, value, possible in asked:
            if possible is not None and value not in possible:
                raise InvalidInput(
                    f"{self.model} has no {value} among its {what}: {', '.join(possible) or 'none'} "
                    f"({self.source}, {self.as_of})",
                    hint="Change the brief, or choose another model.",
                )


class Catalogue:
    """The list of one gateway, from the cache."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._url = f"{server.config.videos_url}/models"

    @property
    def _key(self) -> str:
        return f"models listed at {self._url}"

    def entry(self, model: str | None) -> Entry | None:
        """Return the list's entry for a model; None when the list was not read yet or does not name the model."""
        if not self._server.config.speaks.catalogue or not model:
            return None
        read_at, models = self._kept()
        data = models.get(model)
        if read_at is None or not isinstance(data, dict):
            return None
        return read_entry(model, data, read_at.date(), self._url.partition("://")[2])

    async def refresh(self) -> None:
        """Read the list when it is missing or old."""
        now = self._server.context.now()
        read_at, _ = self._kept()
        if not self._server.config.speaks.catalogue or (read_at is not None and now - read_at < KEPT):
            return
        try:
            response = await self._server.http().get(self._url, headers=await self._server.read_auth())
        except Unavailable as error:
            # No reason to stop: the gateway itself refuses what it cannot make.
            self._server.context.log.warning("the list of models could not be read: %s", error.message)
            return
        data = json_of(response)
        items = data.get("data") if isinstance(data, dict) and response.status_code == 200 else None
        if not isinstance(items, list):
            self._server.context.log.warning("%s answered %s with no list", self._url, response.status_code)
            return
        models = {
            item["id"]: {name: item.get(name) for name in _FIELDS}
            for item in items
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        }
        self._server.context.cache.set(self._key, json.dumps({"read_at": now.isoformat(), "models": models}))

    def _kept(self) -> tuple[datetime | None, Mapping[str, Any]]:
        try:
            kept = json.loads(self._server.context.cache.get(self._key) or "{}")
            return datetime.fromisoformat(kept["read_at"]), dict(kept["models"])
        except (ValueError, KeyError, TypeError):
            return None, {}


def read_entry(model: str, data: Mapping[str, Any], as_of: date, source: str) -> Entry:
    """Return one model's entry. A field that is missing or of another type stays unknown."""
    frames, seed = _strings(data.get("supported_frame_images")), data.get("seed")
    return Entry(
        model=model,
        as_of=as_of,
        source=source,
        durations=_numbers(data.get("supported_durations")),
        resolutions=_strings(data.get("supported_resolutions")),
        aspect_ratios=_strings(data.get("supported_aspect_ratios")),
        seed=seed if isinstance(seed, bool) else None,
        first_frame=None if frames is None else "first_frame" in frames,
        per_second=dearest_second(data.get("pricing_skus")),
    )


def dearest_second(skus: Any) -> Decimal | None:
    """Return the most that a second of video costs in US dollars; None when any price is not one for a second.

    The names of these prices are not documented. Known forms: `per-video-second…` and `…duration_seconds…` in
    dollars, `cents_per_…second…` in cents; others count tokens, megapixels or whole videos.
    """
    if not isinstance(skus, dict) or not skus:
        return None
    each = [_dollars(str(name), value) for name, value in skus.items()]
    known = [price for price in each if price is not None]
    # The one that is not understood may be the dearest, and a reservation must suffice for it.
    return max(known) if len(known) == len(each) else None


def _dollars(name: str, value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number <= MOST_DOLLARS or "megapixel" in name:
        return None
    if name.startswith("per-video-second") or "duration_seconds" in name:
        return number
    return number / 100 if name.startswith("cents_per_") and "second" in name else None


def _numbers(value: Any) -> tuple[float, ...] | None:
    if not isinstance(value, list) or not all(type(item) in (int, float) for item in value):
        return None
    return tuple(float(item) for item in value) or None


def _strings(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _texts(values: Sequence[float] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(f"{value:g}" for value in values)
