"""The page of webhooks that are sent: how each stands, what was delivered, and sending something again."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.server.operations import Operation, Served
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope
from reelwork.studio.webhook_deliveries import send_again

SHOWN = 100


def show_webhooks(served: Served, request: Request) -> Response:
    """Show the webhooks that servers send, and the newest deliveries."""
    store, wanted = served.store, request.query_params.get("webhook", "")
    return page(
        served,
        request,
        "webhooks.html",
        # Without the addresses: many services put their secret into it.
        targets=store.webhook_targets(),
        deliveries=store.deliveries(wanted or None, SHOWN),
        wanted=wanted,
    )


async def resend_delivery(served: Served, request: Request) -> Response:
    """Send a delivery again."""
    await send_again(served.store, request.path_params["delivery"])
    # See other: reloading the page that follows does not send the form again.
    return RedirectResponse("/webhooks", HTTPStatus.SEE_OTHER)


OPERATIONS = (
    Operation(path="/webhooks", scope=Scope.READ, answer=show_webhooks, fails=failure, whole=True),
    Operation(
        path="/deliveries/{delivery}/resend",
        scope=Scope.APPROVE,
        answer=resend_delivery,
        method="POST",
        fails=failure,
        whole=True,
    ),
)
