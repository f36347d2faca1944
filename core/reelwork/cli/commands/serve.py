"""`reelwork serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.net.addresses import Origin
    from reelwork.server.serving import Settings

EXIT_CODES = """\b
Exit codes:
  0  stopped with Ctrl-C or SIGTERM; the next start continues
  1  something failed, such as a full disk
  2  not possible as written; nothing was started"""
STOPPING = "stopping; the next start continues where this one ends"
SWITCH_SECONDS = 0.0001
"""Seconds for which a thread computes while another one could; Python's own default is ten times as many."""


@click.command(epilog=EXIT_CODES)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8686, show_default=True, help="Port; 0 for any free one."
)
@click.option(
    "--public-url", metavar="URL", help="The address of a proxy in front of it. Then reading needs a token, too."
)
@click.option(
    "--webhooks-listen",
    metavar="ADDRESS:PORT",
    help="Also take webhooks at this address, which answers nothing else.",
)
@click.option(
    "--workflows",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder whose workflows the API starts by name (the current one).",
)
@click.option(
    "--ping-url",
    metavar="URL",
    envvar="REELWORK_PING_URL",
    help="A dead man's switch to ping each minute, or env:NAME, file:PATH [env: REELWORK_PING_URL].",
)
@click.option("--check", is_flag=True, help="Check all this, and start nothing.")
@common_options(json=False, log=True, plugins=True)
def serve(
    host: str,
    port: int,
    public_url: str | None,
    webhooks_listen: str | None,
    workflows: Path | None,
    ping_url: str | None,
    *,
    check: bool,
) -> None:
    """Fire schedules, drive all unfinished jobs of the store, and answer over HTTP.

    Jobs that other commands add are driven, too.

    \b
    /healthz  the process lives
    /readyz   it drives jobs, and the store can be written
    /metrics  figures for Prometheus
    /api/v1   the API; /api/v1/openapi.json describes it

    On this machine alone, reading needs no token. Several servers and other commands may work on one store.
    """
    from reelwork.schedules.ping_address import check_ping
    from reelwork.server.serving import Settings
    from reelwork.settings.paths import store_path

    if ping_url is not None:
        check_ping(ping_url)
    folder = workflows and workflows.absolute()
    settings = Settings(host, port, store_path(shared().store), public_url, webhooks_listen, folder, ping_url)
    if check:
        _check(settings)
    else:
        _serve(settings)


def _check(settings: Settings) -> None:
    import asyncio
    import time

    from reelwork.server.serving import check_messages, checked

    with checked(settings, time.time, bind=False) as (store, house, _):
        tokens = len(store.tokens())
        asyncio.run(check_messages(store))
        open_ = "needs no token" if house.reading_is_open else "needs a token"
    from reelwork.plural import counted

    click.echo(f"Fine. Store {settings.store}, {counted(tokens, 'token')}; reading {open_}.")


def _serve(settings: Settings) -> None:
    import sys

    from reelwork.cli.logs import show_log
    from reelwork.cli.signals import Signals
    from reelwork.cli.views.text import tell
    from reelwork.server.serving import LAST_SECONDS, Server

    show_log(verbose=shared().verbose, service=True)

    def ready(where: Origin) -> None:
        tell(f"Serving {where} with the store {settings.store}. Stop it with Ctrl-C.")
        if server.webhooks_at is not None:
            tell(f"Taking webhooks at {server.webhooks_at}/webhooks/NAME, and nothing else there.")

    server = Server(settings, ready)
    signals = Signals(
        server.stop,
        lambda line: tell(line, err=True),
        lambda: None,
        stopping=STOPPING,
        seconds=LAST_SECONDS,
    )
    # While a thread makes a page, the loop waits for so long each time it comes back from the system.
    sys.setswitchinterval(SWITCH_SECONDS)
    signals.run(server.serve())
