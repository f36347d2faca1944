"""`reelwork tokens`: who may do what at a server of this store."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there

if TYPE_CHECKING:
    from reelwork.store.reader import SyncReader

USUAL = "http://127.0.0.1:8686"
"""Where `reelwork serve` answers, unless it is told otherwise."""
SCOPES = ("read", "run", "approve", "admin")
COMMANDS = {
    "add": ("reelwork.cli.commands.tokens:add_token", "Make a token, and show it once."),
    "list": ("reelwork.cli.commands.tokens:list_tokens", "List the tokens: names and scopes, no secrets."),
    "link": ("reelwork.cli.commands.tokens:link", "Make a link that signs a person in at a browser, once."),
    "remove": ("reelwork.cli.commands.tokens:remove_token", "Remove a token: it is refused from then on."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def tokens() -> None:
    """Say who may do what at a server of this store. Only a hash of each token is stored."""


@click.command("add")
@click.argument("name", metavar="NAME")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="A right it has. Repeatable."
)
@click.option("--brand", metavar="BRAND", help="Only the jobs, reviews, schedules and money of this brand.")
@common_options()
def add_token(name: str, scopes: tuple[str, ...], brand: str | None) -> None:
    """Make a token for the person or program NAME, and show it once.

    \b
    read     see jobs, videos, money and events
    run      start workflows of the server's folder by their names, and read
    approve  decide about held jobs and cancel, and read
    admin    everything
    """
    import time

    from reelwork.server.tokens import add
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.sync import run_to_end

    with closing(open_store(store_path(shared().store))) as store:
        store.check_in_use()
        token = run_to_end(add(store, name, scopes, time.time(), _known_brand(store, brand)))
        row = next(one for one in store.tokens() if one.name == name)
    if shared().json:
        told = {"name": name, "scopes": list(row.scopes), "brand": row.brand, "token": token}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(token)
    limit = f", {row.brand} only" if row.brand else ""
    click.echo(f"The token of {name} ({', '.join(row.scopes)}{limit}). Keep it: it is not shown again.", err=True)


def _known_brand(store: SyncReader, brand: str | None) -> str:
    """Return the brand that a token is limited to; empty for none. Raises `NotFound`."""
    from reelwork.errors import NotFound
    from reelwork.store.post_stops import brand_of
    from reelwork.studio.stopping import brands_in_use

    # A token of a mistyped brand would see nothing, and nobody would know why.
    if brand is not None and brand not in (known := [brand_of(one) for one in brands_in_use(store)]):
        raise NotFound("brand", brand, known)
    return brand or ""


@click.command("link")
@click.argument("name", metavar="NAME")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="A right it has. Repeatable."
)
@click.option("--brand", metavar="BRAND", help="Only the jobs, reviews, schedules and money of this brand.")
@click.option("--url", help="The address of the server; by default that of the one that runs on this store.")
@common_options()
def link(name: str, scopes: tuple[str, ...], brand: str | None, url: str | None) -> None:
    """Make a link that signs the person NAME in at a browser. It works once, within 10 minutes.

    The browser then has a token of its own. `reelwork tokens list` shows it, and `remove` signs it out.
    """
    import time

    from reelwork.server.listening import public_origin
    from reelwork.server.sessions import make_link
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.sync import run_to_end

    with closing(open_store(store_path(shared().store))) as store:
        store.check_in_use()
        where = public_origin(url or address_of(store.served_at()), "--url")
        code = run_to_end(make_link(store, name, scopes, time.time(), _known_brand(store, brand)))
    address = f"{where}/sign-in?code={code}"
    if shared().json:
        told = {"name": name, "scopes": list(scopes), "brand": brand or "", "link": address}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(address)
    limit = f", {brand} only" if brand else ""
    click.echo(f"Signs {name} in ({', '.join(scopes)}{limit}), once, within 10 minutes.", err=True)


def address_of(served: list[str]) -> str:
    """Return the address of the server that runs. Raises `WorkflowInvalid` if several do."""
    from reelwork.errors import WorkflowInvalid

    if len(served) > 1:
        raise WorkflowInvalid(
            f"{len(served)} servers run on this store: {', '.join(served)}.",
            money="No link was made.",
            hint=f"Name one: --url {served[0]}",
        )
    if not served:
        click.echo(f"No server runs on this store now; this is for {USUAL}. Start it: reelwork serve", err=True)
        return USUAL
    # What listens on every address of this machine is reached by this one.
    return served[0].replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]")


@click.command("list")
@common_options()
def list_tokens() -> None:
    """List the tokens of this store's servers. Only their owners know the tokens themselves."""
    from reelwork.cli.views.text import columns, line_width

    with store_if_there() as store:
        found = [] if store is None else store.tokens()
    made = [datetime.fromtimestamp(one.created_at, UTC) for one in found]
    if shared().json:
        told = [
            {"name": one.name, "scopes": list(one.scopes), "brand": one.brand, "created_at": at.isoformat()}
            for one, at in zip(found, made, strict=True)
        ]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif found:
        rows = [["NAME", "SCOPES", "BRAND", "MADE"]]
        rows += [
            [one.name, ", ".join(one.scopes), one.brand or "all", f"{at.astimezone():%Y-%m-%d %H:%M}"]
            for one, at in zip(found, made, strict=True)
        ]
        for line in columns(rows, flexible=0, width=line_width()):
            click.echo(line)
    else:
        click.echo("No tokens yet. Make one: reelwork tokens add NAME --scope read")


@click.command("remove")
@click.argument("name", metavar="NAME")
@common_options(json=False)
def remove_token(name: str) -> None:
    """Remove a token. Servers that run refuse it at once."""
    from reelwork.server.tokens import remove
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.sync import run_to_end

    with closing(open_store(store_path(shared().store))) as store:
        run_to_end(remove(store, name))
    click.echo(f"Removed: {name}. It is refused from now on.")
