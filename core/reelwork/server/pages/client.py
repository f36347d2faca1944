"""What a link to a review shows somebody outside: the video, the posts and two buttons, and nothing else.

No prompt, no price, no other brand, and none of the names that things have here.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.errors import MovedOn
from reelwork.server.access import LINKS
from reelwork.server.job_files import file_of
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.jobs import KEPT
from reelwork.server.pages.rendering import bare
from reelwork.server.problems import Problem, status_of
from reelwork.studio.job_view import JobView, clips_of, view_of
from reelwork.studio.review_links import LONGEST_REASON, Shown, answer, shown_by
from reelwork_hooks.errors import ReelworkError

HEADERS = {
    # Its address is a secret, which no other server may learn.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
SEEN = ("open", "used", "decided")
"""The states in which the posts are shown."""
DECISIONS = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True)
class ClientPost:
    """A post as somebody outside sees it."""

    network: str
    title: str
    caption: str
    hashtags: tuple[str, ...]
    alt_text: str
    at: float | None


def show(served: Served, request: Request) -> Response:
    """Show the posts of a job to whoever has the link. Nothing is changed by looking."""
    return _page(request, shown_by(served.store, request.path_params["code"], served.now()))


async def decide(served: Served, request: Request) -> Response:
    """Approve or reject the posts of a link, once."""
    form, now = await form_of(request), served.now()
    shown = shown_by(served.store, request.path_params["code"], now)
    decision, reason = DECISIONS.get(form.get("answer", "")), form.get("reason", "").strip()
    if shown is None or shown.state != "open" or decision is None:
        return _page(request, shown)
    if decision == "rejected" and not reason:
        return _page(request, shown, "Please say what should be different.")
    try:
        await answer(served.store, shown, decision, reason, now)
    except MovedOn:
        # As it is now: another browser, or somebody else, was first.
        return _page(request, shown_by(served.store, request.path_params["code"], now), "This was not recorded.")
    # See other: reloading the page that follows does not send the form again.
    return RedirectResponse(f"{LINKS}{request.path_params['code']}", HTTPStatus.SEE_OTHER, HEADERS)


def video(served: Served, request: Request) -> Response:
    """Return the video of a link's job, or the part that is asked for."""
    return _file(served, request, "video")


def thumbnail(served: Served, request: Request) -> Response:
    """Return the picture that stands for the video of a link's job."""
    return _file(served, request, "thumbnail")


def _file(served: Served, request: Request, what: str) -> Response:
    shown = shown_by(served.store, request.path_params["code"], served.now())
    if shown is None or shown.state not in SEEN:
        raise Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    shape = request.query_params.get("shape", "")
    at = int(shape) if shape.isdecimal() and len(shape) < 4 else None
    return file_of(view_of(shown.review.row), what, at, {**KEPT, **HEADERS})


def _page(request: Request, shown: Shown | None, problem: str = "") -> Response:
    state = "gone" if shown is None else shown.state
    status = HTTPStatus.NOT_FOUND if shown is None else HTTPStatus.OK
    if problem:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if state == "open" else HTTPStatus.CONFLICT
    values = {} if shown is None or state not in SEEN else _content(shown)
    told = {"state": state, "problem": problem, "longest": LONGEST_REASON, "code": request.path_params["code"]}
    return bare("client.html", status, HEADERS, **told, **values, link=None if shown is None else shown.link)


def _content(shown: Shown) -> dict[str, object]:
    view: JobView = view_of(shown.review.row)
    found = [_post(shown, at) for at in range(len(shown.review.posts))]
    return {
        "posts": found,
        "videos": len(clips_of(view.data)),
        "has_video": view.video is not None,
        "has_thumbnail": view.thumbnail is not None,
        "brand": shown.review.row.brand,
    }


def _post(shown: Shown, at: int) -> ClientPost:
    one = shown.review.posts[at]
    post, when = one.post, one.post.publish_at or shown.review.data.post_at
    # The name of the network, and neither that of the account here nor that of the destination.
    network = one.review.account.partition(" ")[0].replace("-", " ").capitalize()
    tags = tuple(str(tag) for tag in post.hashtags)
    return ClientPost(
        network, post.title, post.caption, tags, post.alt_text, None if when is None else when.timestamp()
    )


def _failed(request: Request, error: ReelworkError) -> Response:
    """Return the page that tells that something went wrong, without any words of ours."""
    return bare("client.html", status_of(error), HEADERS, state="failed", problem="", link=None)


OPERATIONS = (
    Operation(path="/r/{code}", scope=None, answer=show, fails=_failed),
    Operation(path="/r/{code}", scope=None, answer=decide, method="POST", fails=_failed),
    Operation(path="/r/{code}/video", scope=None, answer=video),
    Operation(path="/r/{code}/thumbnail", scope=None, answer=thumbnail),
)
