"""A page as the browser gets it: its template, the words in it, and what it may load."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, Environment, PackageLoader, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reelwork.credentials.known_as import known_as
from reelwork.errors import in_a_line
from reelwork.money import dollars
from reelwork.plural import age, counted
from reelwork.redaction.redactor import mask
from reelwork.server.access import TOKEN
from reelwork.server.driving import GOES_ON, STANDS
from reelwork.server.operations import Served, brands_of
from reelwork.server.pages.static_files import address_of
from reelwork.server.problems import phrase_of, status_of
from reelwork.server.pulse import Pulse
from reelwork.server.sessions import may_act
from reelwork.settings.brands import NAME as BRAND
from reelwork.store.tokens import TokenRow
from reelwork.studio.next_words import Vantage, next_words
from reelwork.studio.word_diff import Piece, diff
from reelwork.studio.wording import ai_words, label_of, left_out, step_words
from reelwork.text import shown
from reelwork_hooks.errors import ReelworkError

# Only files of this server, and no script or style within a page: what a model wrote cannot run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With `no-referrer` a browser sends `Origin: null` with a form of this very page, and every button is refused.
    "Referrer-Policy": "same-origin",
}


def page(served: Served, request: Request, template: str, **values: Any) -> Response:
    """Return a page. Everything in `values` is escaped where it is shown."""
    return rendered(request, template, bar=bar_of(served, request), now=served.now(), **values)


def bar_of(served: Served, request: Request) -> Mapping[str, Any]:
    """Return what the bar at the top of each page shows."""
    token: TokenRow | None = request.scope.get(TOKEN)
    limited = token is not None and bool(token.brand)
    # Signing in is open to all, and limited to no brand.
    here = served.of_brand(token.brand) if token is not None and limited and not served.brand else served
    stops = here.store.post_stops()
    return {
        "stops": stops,
        # Those that the button takes away.
        "own_stops": [one for one in stops if not here.brand or one.brand == here.brand],
        "brand": here.brand,
        "limited": limited,
        "brands": [] if limited else brands_of(served.unlimited or served),
        "alive": served.pulse.is_alive,
        # Where the store is concerns whoever keeps the machine, and nobody of one brand.
        "trouble": trouble_of(served.pulse, told_all=not limited),
        "may_act": may_act(request),
        "who": None if token is None else token.name,
        "person": None if token is None else token.who,
    }


def trouble_of(pulse: Pulse, *, told_all: bool) -> str:
    """Return why nothing is driven, and what to do; empty if there is no reason."""
    trouble = pulse.trouble
    if trouble is None:
        return ""
    what = trouble.message if told_all else "The store of this server cannot be written."
    return " ".join((what, trouble.money, STANDS, GOES_ON) if told_all else (what, trouble.money, STANDS))


def rendered(
    request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, *, bar: Mapping[str, Any], **values: Any
) -> Response:
    """Return a page with its bar."""
    always: dict[str, Any] = {"bar": bar, "at": Vantage(driven=bar["alive"]), "here": request.url.path}
    # A page that is about no brand, such as that of an error, does not lead on to one.
    of_brand = bool(bar.get("brand"))
    always |= {"kept": kept(request) if of_brand else "", "also": kept(request, "&") if of_brand else ""}
    always |= {"now": time.time()}
    text = _environment().get_template(template).render({**always, **values})
    return HTMLResponse(text, status, headers=HEADERS)


def bare(template: str, status: HTTPStatus, headers: Mapping[str, str], **values: Any) -> Response:
    """Return a page without a bar, for somebody who is not of this house."""
    return HTMLResponse(_environment().get_template(template).render(**values), status, {**HEADERS, **headers})


def failure(request: Request, error: ReelworkError) -> Response:
    """Return the page that tells an error, in the words of the command line."""
    status = status_of(error)
    told = {"message": in_a_line(error), "money": shown(mask(error.money)), "hint": shown(mask(error.hint))}
    bar: Mapping[str, Any] = {"stops": [], "alive": True, "may_act": False, "who": None}
    return rendered(request, "problem.html", status, bar=bar, title=phrase_of(status), **told)


def changed(before: str, after: str) -> tuple[Piece, ...]:
    """Return what changed between two texts, by words."""
    # Masked whole: of a secret that is cut into pieces, no piece would be known.
    return diff(mask(before), mask(after))


def kept(request: Request, sign: str = "?") -> str:
    """Return what an address carries on so that the next page is about the same brand; empty for all brands."""
    brand = request.query_params.get("brand", "")
    return f"{sign}brand={brand}" if BRAND.match(brand) else ""


def moment(at: float | datetime) -> str:
    """Return a time as a person at this machine reads it."""
    return _local(at).strftime("%a %Y-%m-%d %H:%M %Z")


def begin(text: str) -> str:
    """Return a text that begins with a capital letter; the rest of it stays as it is."""
    return text[:1].upper() + text[1:]


def in_zone(at: float, zone: str) -> str:
    """Return a time as it is in a schedule's zone."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone}"


def iso(at: float | datetime) -> str:
    """Return a time as programs read it."""
    return _local(at).astimezone(UTC).isoformat(timespec="seconds")


@pass_context
def since(context: Context, at: float | datetime) -> str:
    """Return how long before the page's own time a time was."""
    return age(context["now"] - _local(at).timestamp())


def _local(at: float | datetime) -> datetime:
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)).astimezone()


def _masked(value: object) -> object:
    # What is markup already was made of texts that were masked.
    return mask(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("reelwork.server.pages"),
        autoescape=True,
        # Before it is escaped: a plugin may have stored a secret in a job's texts.
        finalize=_masked,
        # A job that an older version wrote lacks what was added since: that is empty, and no fault.
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        dollars=dollars,
        age=age,
        since=since,
        moment=moment,
        in_zone=in_zone,
        iso=iso,
        counted=counted,
        step_words=step_words,
        begin=begin,
        left_out=left_out,
    )
    found.globals.update(
        ai_words=ai_words,
        known_as=known_as,
        label_of=label_of,
        next_words=next_words,
        static=address_of,
        changed=changed,
    )
    return found
