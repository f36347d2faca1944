"""`review` at a server, with `--server`: the same lines as for reviews of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from reelwork.cli.afar import agreed_to, client_of_server, wait_for
from reelwork.cli.shared import shared
from reelwork.cli.views.text import tell
from reelwork.ids import short_id
from reelwork.net.api_client import ApiClient

PAGE = 200
"""Reviews that are asked for at once."""


def reviews_afar(brand: str | None = None) -> list[Any]:
    """Return the jobs whose posts wait for a review there, the first that ends first."""
    found: list[Any] = []
    with client_of_server() as client:
        cursor = None
        while True:
            page = client.get("reviews", brand=brand, cursor=cursor, limit=PAGE)
            found += page["items"]
            if (cursor := page["next"]) is None:
                return sorted(found, key=lambda one: one["expires_at"])


def review_afar(name: str) -> Any:
    """Return the review of one job there."""
    with client_of_server() as client:
        return client.get("reviews", name)


def decide_afar(
    act: str, name: str, options: Mapping[str, Any], body: Mapping[str, Any] | None = None, *, yes: bool = False
) -> None:
    """Answer a review there with `body`, and wait for what follows. `options` are those of `deciding`."""
    if options.get("by"):
        raise click.UsageError("--by does not go with --server: the token says who decides.")
    with client_of_server() as client:
        job, version = _seen(client, name, options["version"])
        asked = {"version": version, **(body or {})}
        if options.get("destinations"):
            asked["destinations"] = list(options["destinations"])
        done = agreed_to(client, ("reviews", job, act), asked, yes=yes)
        if not options["no_wait"]:
            wait_for(client, [job])
    if shared().json:
        click.echo(json.dumps(done, indent=2, ensure_ascii=False))
    else:
        tell(f"Recorded for {short_id(job)}. The server acts on it.")


def appeal_afar(name: str, because: str, destination: str | None, by: str | None) -> Any:
    """Appeal there against a refusal by moderation; return the appeal."""
    if by:
        raise click.UsageError("--by does not go with --server: the token says who appeals.")
    asked = {"because": because, **({"destination": destination} if destination else {})}
    with client_of_server() as client:
        return client.post("jobs", client.get("jobs", name)["id"], "appeal", body=asked)


def _seen(client: ApiClient, name: str, version: str) -> tuple[str, str]:
    """Return the job of a name, and the version that an answer is for: without one, what stands now."""
    found = client.get("reviews", name)
    return found["job"], version or found["version"]
