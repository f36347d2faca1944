"""The accounts of the server's machine, without their secrets, and its plugins."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.listing import listed
from reelwork.server.api import models
from reelwork.server.api.answering import told
from reelwork.server.api.asking import Asked, query_of
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope


def list_accounts(served: Served, request: Request) -> Response:
    """List the accounts on the server's machine. Passwords and tokens are not told."""
    query_of(request, Asked)
    return told({"items": [entry.as_json(name) for name, entry in Accounts().entries().items()]})


def list_plugins(served: Served, request: Request) -> Response:
    """List the installed plugins, including those that are broken or switched off."""
    query_of(request, Asked)
    catalog = Catalog()
    return told({"items": listed(catalog, catalog.everything())})


OPERATIONS = (
    Operation(
        path="/api/v1/accounts",
        scope=Scope.READ,
        answer=list_accounts,
        query=Asked,
        returns=models.Accounts,
        whole=True,
    ),
    Operation(
        path="/api/v1/plugins",
        scope=Scope.READ,
        answer=list_plugins,
        query=Asked,
        returns=models.Plugins,
        whole=True,
    ),
)
