"""A provider behind the guard: whatever the plugin does, its caller gets a checked answer or one clear error."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, TypeVar, cast

from pydantic import JsonValue

from reelwork.errors import in_a_line
from reelwork.money import problem_of
from reelwork.plugins.answers import is_list, look, named, pending, sound, storable
from reelwork.plugins.brief_options import options_problem
from reelwork.plugins.guard import Callee, at_once, loading, within
from reelwork.plugins.observing import Observer, observed
from reelwork.plugins.time_limits import PROVIDER_TIME_LIMITS
from reelwork.plugins.units import SHOWN_AS, in_words, quote_in_dollars, units_of
from reelwork_hooks.effects import Effect
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.models import Pending
from reelwork_hooks.plugin import Context
from reelwork_hooks.prices import DOLLARS
from reelwork_hooks.provider import (
    BytesSource,
    Capabilities,
    FileSource,
    HttpSource,
    Provider,
    ProviderConfig,
    Quote,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
)

T = TypeVar("T")
log = logging.getLogger("reelwork.guard")

# A generator without an end would fill the memory.
MOST_TOLD = 100_000
"""Statuses read from one answer of `poll`."""
SOURCES = (HttpSource, FileSource, BytesSource)


class GuardedProvider(Provider):
    """Calls a plugin's provider. Errors of the contract pass through; everything else raises `PluginFailed`."""

    def __init__(
        self,
        inner: Provider,
        callee: Callee,
        config: ProviderConfig,
        context: Context,
        observer: Observer | None = None,
    ) -> None:
        """`observer` receives each call that may reach the service."""
        super().__init__(config, context)
        self._inner, self._callee, self._observer = inner, callee, observer
        self._known: tuple[Capabilities, dict[str, Any], Capabilities] | None = None
        """The capabilities that were given last, with their fields, and as they were checked."""
        self.rehearsal = bool(self._declared("rehearsal", lambda: inner.rehearsal))  # type: ignore[misc]
        self.known_models = _texts(self._declared("known_models", lambda: inner.known_models))  # type: ignore[misc]
        self.worth = units_of(callee, getattr(inner, "units", {}), getattr(config, "units", {}))
        self.notes = _texts(self._declared("notes", lambda: inner.notes))  # type: ignore[misc]

    @property
    def class_name(self) -> str:
        """The name of the plugin's class with its module."""
        kind = type(self._inner)
        return f"{kind.__module__}.{kind.__qualname__}"

    @property
    def can_find(self) -> bool:
        """True if the plugin has a `find` of its own."""
        return type(self._inner).find is not Provider.find

    @property
    def names_prices(self) -> bool:
        """True if the plugin has a `price` of its own."""
        return getattr(getattr(self._inner, "price", None), "__func__", None) is not Provider.price

    def notes_in_use(self) -> tuple[str, ...]:
        """Return those of `notes` that concern this instance; all of them when it cannot say."""
        try:
            return _texts(at_once(self._callee, "notes_in_use", self._inner.notes_in_use))
        except ReelworkError as error:
            log.warning("%s", in_a_line(error))
            return self.notes

    def options_problem(self, options: Mapping[str, Any]) -> str:
        """Return why the provider would not take these options of a brief; empty if it would."""
        return options_problem(type(self._inner), self._callee, options)

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the provider's capabilities with this model. Raises `PluginInvalid` when it cannot give them."""
        return self._declared("capabilities", lambda: self._capabilities(model))

    def _capabilities(self, model: str | None) -> Capabilities:
        can: Any = self._inner.capabilities(model)
        if inspect.iscoroutine(can):
            can.close()
        if not isinstance(can, Capabilities):
            raise PluginInvalid(f"The {self._callee}: capabilities returned {named(can)}, not Capabilities.")
        checked = self._checked(can)
        # A price that was built around validation (model_construct) may be anything.
        if checked.price is not None and (problem := problem_of(checked.price.per_second)):
            price = f"its price of {checked.price.per_second:.6g} is none"
            raise PluginInvalid(f"The {self._callee}: {price}: {problem}.")
        return checked

    def price(self, request: RenderRequest) -> Quote | None:
        """Return the provider's price of a request; None where it names none, or nothing that is one."""
        # A provider of the first contract may have something else of this name, and is priced by the second.
        ask: Any = getattr(self._inner, "price", None)
        try:
            answer: Any = at_once(self._callee, "price", lambda: ask(request) if callable(ask) else None)
            if answer is not None and not isinstance(answer, Quote):
                raise self._callee.failed("price", f"returned {named(answer)}; it must return Quote or None")
            # Checked again: one that was built around validation (model_construct) may be anything.
            quote = None if answer is None else Quote.model_validate(vars(answer))
        except (ReelworkError, TypeError, ValueError) as error:
            log.warning("The %s: its price of a request is not used: %s", self._callee, error)
            return None
        if quote is not None and quote.unit == DOLLARS and (problem := problem_of(quote.most)):
            raise PluginInvalid(f"The {self._callee}: its price of {quote.most:.6g} is none: {problem}.")
        return None if quote is None else quote_in_dollars(self._callee, self.worth, quote, "provider.units")

    def _checked(self, can: Capabilities) -> Capabilities:
        # Asked for each row of a batch: its own fields are checked again where one has changed, what is in them
        # is not.
        known = self._known
        if known is None or known[0] is not can or known[1] != vars(can):
            given = dict(vars(can))
            self._known = known = (can, given, Capabilities.model_validate(given))
        return known[2]

    @property
    def most_per_poll(self) -> int:
        """The most renders that one call of `poll` is given. Raises `PluginInvalid` if that is no number."""
        most: Any = self._declared("most_per_poll", lambda: self._inner.most_per_poll)
        if not isinstance(most, int) or most < 1:
            raise PluginInvalid(f"The {self._callee}: most_per_poll is {most!r:.40}, not a number of renders.")
        return most

    async def prepare(self, request: RenderRequest) -> JsonValue | Pending:
        """Do what the provider must do first and may repeat."""
        prepared = await self._within("prepare", lambda: self._inner.prepare(request), request=request)
        if isinstance(prepared, Pending):
            return pending(self._callee, "prepare", prepared)
        kept: JsonValue = storable(self._callee, "prepare", prepared)
        return kept

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video."""
        answer = await self._within(
            "submit", lambda: self._inner.submit(request, effect), request=request, effect=effect
        )
        return sound(self._callee, "submit", answer, Submitted)

    async def find(self, request: RenderRequest, effect: Effect) -> Any:
        """Look up whether this effect's request arrived."""
        answer = await self._within(
            "find", lambda: self._inner.find(request, effect), request=request, effect=effect
        )
        return look(self._callee, "find", answer, Submitted)

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Poll many renders at once. What is no list is returned as it is, for the code that counts such faults."""
        answer: Any = await self._within("poll", lambda: self._inner.poll(renders), renders=renders)
        if not is_list(answer):
            told: Sequence[RenderStatus] = answer
            return told
        told = at_once(self._callee, "poll", lambda: list(islice(answer, MOST_TOLD)))
        return [self._in_dollars(status) for status in told]

    def _in_dollars(self, status: Any) -> Any:
        """Return a status with its cost in US dollars, and with what it was among its details."""
        # One that was built around validation (model_construct) may lack or hold anything, and is refused later.
        given = vars(status) if isinstance(status, RenderStatus) else {}
        amount, unit, details = given.get("cost"), given.get("cost_unit", DOLLARS), given.get("details")
        if unit == DOLLARS or not isinstance(amount, Decimal) or not isinstance(details, Mapping):
            return status
        shown = {**details, SHOWN_AS: in_words(amount, str(unit))}
        cost = self.worth.in_dollars(amount, str(unit))
        return status.model_copy(update={"cost": cost, "cost_unit": DOLLARS, "details": shown})

    async def fetch(self, render: RenderRef) -> tuple[Source, ...]:
        """Return each way to a completed render's video."""
        answer: Any = await self._within("fetch", lambda: self._inner.fetch(render), render=render)
        ways = answer if isinstance(answer, list | tuple) else (answer,)
        return tuple(map(self._way, ways))

    def _way(self, answer: Any) -> Source:
        for kind in SOURCES:
            if isinstance(answer, kind):
                return self._at_home(sound(self._callee, "fetch", answer, kind))
        raise self._callee.failed(
            "fetch", f"returned {named(answer)}; it must return an HttpSource, a FileSource or a BytesSource"
        )

    def _at_home(self, source: Any) -> Source:
        if isinstance(source, FileSource) and not source.path.is_absolute():
            # The download may run in another process, in another folder.
            advice = "give an absolute one, such as one in context.work_dir"
            raise self._callee.failed("fetch", f"returned the relative path {str(source.path)!r}; {advice}")
        checked: Source = source
        return checked

    async def cancel(self, render: RenderRef) -> bool:
        """Stop a render. Only a plain True is taken as the provider's word."""
        # Anything else that counts as true, such as a response, says nothing of the render.
        return await self._within("cancel", lambda: self._inner.cancel(render), render=render) is True

    async def close(self) -> None:
        """Close what the provider holds open. What goes wrong is logged, and changes nothing."""
        try:
            await self._within("close", self._inner.close)
        except ReelworkError as error:
            log.warning("%s. What was made is not affected.", in_a_line(error).rstrip("."))

    async def _within(self, call: str, begin: Callable[[], Awaitable[T]], **arguments: Any) -> T:
        if self._observer is None:
            return await self._called(call, begin)
        return await observed(
            self._observer, self._callee.name, call, arguments, partial(self._called, call, begin)
        )

    async def _called(self, call: str, begin: Callable[[], Awaitable[T]]) -> T:
        # A `def` in place of an `async def` does its work here already.
        started: list[Any] = []
        at_once(self._callee, call, lambda: started.append(begin()))
        return cast("T", await within(self._callee, call, _awaitable(started[0]), PROVIDER_TIME_LIMITS[call]))

    def _declared(self, name: str, read: Callable[[], T]) -> T:
        return loading(self._callee, f"cannot say what it can do ({name})", read)


def _awaitable(answer: Any) -> Awaitable[Any]:
    async def already() -> Any:
        return answer

    return answer if isinstance(answer, Awaitable) else already()


def _texts(told: Any) -> tuple[str, ...]:
    items = (told,) if isinstance(told, str) else told if isinstance(told, list | tuple) else ()
    return tuple(str(item) for item in islice(items, 100))
