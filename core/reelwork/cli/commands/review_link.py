"""`reelwork review link`, `links` and `unlink`: for somebody outside, who has no token."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared


@click.command("link")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@click.option("--for", "person", metavar="NAME", required=True, help="The person whom it is for.")
@click.option(
    "--expires", default="7d", show_default=True, metavar="LENGTH", help="How long it opens: 90m, 6h, 7d."
)
@click.option("--version", "version", default="", metavar="VERSION", help="The version that you saw.")
@click.option("--by", metavar="WHO", help="Who makes it, and may approve; by default the user of this machine.")
@click.option("--url", help="The address of the server; by default that of the one that runs on this store.")
@common_options()
def link_review(name: str, person: str, expires: str, version: str, by: str | None, url: str | None) -> None:
    """Make a link with which one person sees a job's posts and answers their review once, without a token.

    The page shows the video and what the posts say: no prompt, no price, no other jobs. It is for this version:
    once the posts are changed, it says so and takes no answer. The link is shown only here, and only now.
    """
    made = _link_afar(name, person, expires, version, by, url) if shared().server else None
    made = made or _link_here(name, person, expires, version, by, url)
    if shared().json:
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
        return
    click.echo(made["link"])
    ends = made["expires_at"][:16].replace("T", " ")
    click.echo(f"For {made['for']}, once, until {ends} UTC. Revoke it: {_unlink(made['id'])}", err=True)


def _link_here(
    name: str, person: str, expires: str, version: str, by: str | None, url: str | None
) -> dict[str, Any]:
    from reelwork.cli.commands.review_decide import user
    from reelwork.cli.commands.tokens import address_of
    from reelwork.server.access import LINKS
    from reelwork.server.listening import public_origin
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.job_names import find_job
    from reelwork.studio.review_links import link_as_json, link_to, new_code
    from reelwork.studio.sync import run_to_end

    now, code = time.time(), new_code()
    with closing(open_store(store_path(shared().store))) as store:
        store.check_in_use()
        row = find_job(store, name)
        link = link_to(row, person, by or user(), code, now, expires=expires, version=version)
        where = public_origin(url or address_of(store.served_at()), "--url")
        run_to_end(store.add_review_link(link))
    return {**link_as_json(link, now), "link": f"{where}{LINKS}{code}"}


def _link_afar(
    name: str, person: str, expires: str, version: str, by: str | None, url: str | None
) -> dict[str, Any]:
    from reelwork.cli.afar import client_of_server

    if by or url:
        raise click.UsageError(
            f"{'--by' if by else '--url'} does not go with --server: its token says who makes it."
        )
    asked = {"for": person, "expires": expires, **({"version": version} if version else {})}
    with client_of_server() as client:
        job = client.get("reviews", name)["job"]
        return dict(client.post("reviews", job, "links", body=asked))


@click.command("links")
@click.argument("name", metavar="[ID]", required=False, shell_complete=complete_jobs)
@common_options()
def list_links(name: str | None) -> None:
    """List the links to reviews, or to one job's, the newest first. The addresses themselves are not stored."""
    from reelwork.cli.views.text import columns, line_width
    from reelwork.ids import short_id

    found = _links(name)
    if shared().json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("No links. Make one: reelwork review link ID --for NAME")
        return
    rows = [["LINK", "JOB", "FOR", "BY", "STATE", "ENDS"]]
    rows += [
        [
            *(short_id(one["id"]), short_id(one["job"]), one["for"], one["by"]),
            *(one["answer"] or one["state"], one["expires_at"][:16].replace("T", " ")),
        ]
        for one in found
    ]
    for line in columns(rows, flexible=2, width=line_width()):
        click.echo(line)


def _links(name: str | None) -> list[Any]:
    if shared().server:
        from reelwork.cli.afar import client_of_server

        with client_of_server() as client:
            return list(client.get("review-links", job=name)["items"])
    from reelwork.cli.stores import NO_JOBS
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.job_names import find_job
    from reelwork.studio.review_links import link_as_json

    path, now = store_path(shared().store), time.time()
    if not path.exists():
        return [] if name is None else [find_job(NO_JOBS, name)]
    with closing(open_store(path)) as store:
        job = None if name is None else find_job(store, name).id
        return [link_as_json(one, now) for one in store.review_links(job)]


@click.command("unlink")
@click.argument("link", metavar="LINK")
@common_options()
def unlink_review(link: str) -> None:
    """Revoke a link to a review: it opens nothing from then on."""
    done = _unlinked(link)
    if shared().json:
        click.echo(json.dumps(done, indent=2, ensure_ascii=False))
        return
    click.echo(f"Revoked: the link for {done['for']}. It opens nothing from now on.")


def _unlinked(link: str) -> dict[str, Any]:
    if shared().server:
        from reelwork.cli.afar import client_of_server

        with client_of_server() as client:
            return dict(client.delete("review-links", link))
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.review_links import link_as_json, revoke
    from reelwork.studio.sync import run_to_end

    now = time.time()
    with closing(open_store(store_path(shared().store))) as store:
        found = run_to_end(revoke(store, link, now))
    return {**link_as_json(found, now), "state": "revoked"}


def _unlink(id_: str) -> str:
    from reelwork.ids import short_id

    return f"reelwork review unlink {short_id(id_)}"
