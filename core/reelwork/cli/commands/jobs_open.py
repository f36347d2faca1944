"""`reelwork jobs open`: a job's video, or its post, in the program this machine has for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from reelwork.studio.job_view import JobView
    from reelwork.studio.next_words import Vantage

# An address comes from a plugin or a server. With any scheme, it could start any program that claims one.
OPENED = ("file", "http", "https")
"""Kinds of addresses that are handed to another program. Others, such as `s3`, are only shown."""


@click.command("open")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@click.option("--post", is_flag=True, help="Open the page it was published on instead of the video.")
@click.option("--print", "only_print", is_flag=True, help="Print the path or address instead of opening it.")
@common_options()
def open_job(name: str, post: bool, only_print: bool) -> None:
    """Open a job's video in the program this machine plays videos with.

    ID is a job's id, or its beginning or end. Without a display the path or address is printed.
    """
    from reelwork.cli.stores import NO_JOBS, store_if_there
    from reelwork.cli.vantage import vantage
    from reelwork.cli.views.text import tell
    from reelwork.studio.job_names import find_job
    from reelwork.studio.job_view import view_of
    from reelwork.studio.next_words import HERE

    with store_if_there() as store:
        view = view_of(find_job(store or NO_JOBS, name))
        at = vantage(store) if store else HERE
    where = _post(view, at) if post else _video(view, at)
    opened = not only_print and _open(where)
    if shared().json:
        click.echo(json.dumps({"job": view.id, "location": where, "opened": opened}, indent=2, ensure_ascii=False))
    elif opened:
        tell(f"Opened: {where}", err=True)
    else:
        # By itself on standard output, also on a narrow terminal: it is copied, or read by another command.
        click.echo(where)


def _video(view: JobView, at: Vantage) -> str:
    """Return where the video is, the copy with a readable name first. Raises `InvalidInput`."""
    from reelwork_hooks.errors import InvalidInput

    places = list(_places(view))
    # A file may have been moved since. An address elsewhere is not asked: that may cost money, or need a key.
    found = next((place for place in places if "://" in place or Path(place).is_file()), None)
    if found is not None:
        return found
    if places:
        text = f"The video of job {view.short} is no longer at {places[0]}: it was moved or removed."
        raise InvalidInput(text, money="", hint=f"What is known of it: reelwork jobs show {view.short}")
    raise InvalidInput(f"Job {view.short} has no video{_yet(view)}.", money="", hint=_hint(view, at))


def _places(view: JobView) -> Iterator[str]:
    for address in (*reversed(view.stored_at), view.video):
        if address:
            yield _path_of(address)


def _path_of(address: str) -> str:
    return unquote(urlsplit(address).path) if address.startswith("file:") else address


def _post(view: JobView, at: Vantage) -> str:
    """Return the address of the post. Raises `InvalidInput`."""
    from reelwork_hooks.errors import InvalidInput

    receipts = view.receipts.values()
    address = next((str(receipt["url"]) for receipt in receipts if receipt.get("url")), "")
    if address:
        return _path_of(address.partition("#")[0]) if address.startswith("file:") else address
    text = f"Job {view.short} is published, but the destination gave no address."
    raise InvalidInput(
        text if receipts else f"Job {view.short} is not published{_yet(view)}.", money="", hint=_hint(view, at)
    )


def _yet(view: JobView) -> str:
    from reelwork.studio.wording import step_words

    if view.status == Status.ACTIVE:
        return f" yet: {step_words(view.step)}"
    return f": it is {view.status}" if view.status != Status.DONE else ""


def _hint(view: JobView, at: Vantage) -> str:
    from reelwork.studio.next_words import next_words

    following = next_words(view, at=at)
    # Watching waits until the job ends: where its posts wait for their time, that may be in months.
    watched = view.status == Status.ACTIVE and not view.post_wait
    return f"Watch it: reelwork jobs watch {view.short}" if watched else following


def _open(where: str) -> bool:
    """Return whether a program was given the file or address."""
    from reelwork.cli.views.browser import has_display

    scheme = urlsplit(where).scheme if "://" in where else "file"
    return scheme in OPENED and has_display() and click.launch(where) == 0
