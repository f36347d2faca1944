"""The pages of what the server's machine has: accounts and settings, without their secrets, and plugins."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import SOON_SECONDS, renews_itself, sign_in_command
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.listing import listed
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope
from reelwork.studio.settings_in_force import DEFAULT, settings_in_force


def accounts(served: Served, request: Request) -> Response:
    """Show the accounts on the server's machine, and the installed plugins."""
    catalog = Catalog()
    kept = Accounts()
    found = kept.entries()
    return page(
        served,
        request,
        "accounts.html",
        # What is secret never reaches the template.
        accounts=[
            (
                entry.as_json(name),
                entry.expires_at,
                renews_itself(kept, name, entry),
                sign_in_command(entry.kind, name),
            )
            for name, entry in sorted(found.items())
        ],
        plugins=listed(catalog, catalog.everything()),
        soon=served.now() + SOON_SECONDS,
    )


def show_settings(served: Served, request: Request) -> Response:
    """Show the settings of a workflow of the server's folder, each with where it was written."""
    names = served.offered.names()
    wanted = request.query_params.get("workflow", "")
    path = served.offered.path(wanted) if wanted else None
    found = settings_in_force(path, served.offered.folder)
    return page(served, request, "settings.html", names=names, wanted=wanted, found=found, default=DEFAULT)


OPERATIONS = (
    Operation(path="/settings", scope=Scope.READ, answer=show_settings, fails=failure, whole=True),
    Operation(path="/accounts", scope=Scope.READ, answer=accounts, fails=failure, whole=True),
)
