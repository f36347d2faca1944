"""Launches: what a workflow of the server would make, and making it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from reelwork.errors import NotFound
from reelwork.ids import new_id
from reelwork.planning.batch.templates import columns_in
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import freeze
from reelwork.plugins.pipeline import Pipeline
from reelwork.server import tokens
from reelwork.server.access import TOKEN
from reelwork.server.api.acting import KEY_HEADER, Act, Work, act, body_of, not_agreed
from reelwork.server.api.answering import told
from reelwork.server.api.asking import NOTHING, Asked, query_of
from reelwork.server.api.models import Launched, PlanTold, Workflows
from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem, status_of
from reelwork.server.tokens import Scope
from reelwork.settings.workflow import Loaded, load
from reelwork.store.open import open_store
from reelwork.store.records import RunRow
from reelwork.studio.brief_checks import check_briefs
from reelwork.studio.consent import Consent, consent_for
from reelwork.studio.dry_run import Rehearsal, every, rehearse
from reelwork.studio.inputs import launch_asked
from reelwork.studio.launch import Launch
from reelwork.studio.output_folder import check_output_folder
from reelwork.studio.session import Session
from reelwork_hooks.errors import ReelworkError

# A workflow can name code, secrets, files and addresses, and so can these fields of a brief. Whoever may only start
# what the server's owner has written sets none of them. New fields of a brief are not among the free ones.
FREE = frozenset(
    {
        *("prompt", "negative_prompt", "model", "duration", "resolution", "aspect_ratio", "fps", "seed"),
        *("takes", "n", "publish_takes", "quality", "metadata", "platforms", "title", "caption", "hashtags"),
        *("privacy", "vars", "alt_text", "publish_at"),
    }
)
"""The fields of a brief that name no file, address, plugin or secret."""
MOST_ROWS = 1000
Value = str | int | float | bool
Cost = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=20)]


class Agreed(Asked):
    """The consent of the caller, as `--yes` gives it."""

    cost: Cost | None = None
    """US dollars that all of it may cost, as estimated."""
    unknown_cost: bool = False
    """Agrees to what has no known price."""
    public: tuple[str, ...] = ()
    """The destinations where everyone can see the posts."""


class LaunchAsked(Asked):
    """A launch that is asked for. `settings`, and briefs that name files or addresses, need the scope `admin`."""

    workflow: str | None = None
    """The name of one of the server's workflows."""
    prompt: str | None = None
    brief: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the brief, in place of those of the workflow."""
    vars: dict[str, Value] = Field(default_factory=dict)
    rows: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=MOST_ROWS)] = ()
    """A batch: a video for each row, with the columns that a batch file has."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings laid over the workflow, as `--set` does."""


class RunAsked(LaunchAsked):
    """A launch that is asked for, and the consent of the caller."""

    agree: Agreed = Agreed()


def list_workflows(served: Served, request: Request) -> Response:
    """List the workflows of the server's folder, by the names they are started with."""
    query_of(request, Asked)
    return told({"items": [{"name": name} for name in served.offered.names()]})


async def make_plan(served: Served, request: Request) -> Response:
    """Show what a run would send, publish and cost. Nothing is sent or recorded."""
    found, _ = await planned(served, request, await body_of(request, LaunchAsked))
    amounts = {name: getattr(found, name) for name in ("cost", "saved", "unspent")}
    return told(
        {
            "dry_run": True,
            "exit_code": found.exit_code,
            **found.model_dump(mode="json"),
            "jobs": [{**job.model_dump(mode="json"), "outcome": job.outcome} for job in found.jobs],
            **{name: None if amount is None else str(amount) for name, amount in amounts.items()},
        }
    )


async def planned(served: Served, request: Request, asked: LaunchAsked) -> tuple[Rehearsal, Consent]:
    """Return what a launch would send, publish and cost, and the yes that it needs. Raises `InvalidInput`."""
    loaded = _loaded(served, request, asked)
    # A session and a store of its own: plugins that keep values must not do so for a dry run.
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        store = open_store(Path(folder) / "store.db")
        try:
            async with Session(store, Catalog()) as session, _launch(session, loaded, request, asked) as launch:
                launch = launch.with_rooms(served.store)
                return await rehearse(launch, every), consent_for(launch)
        finally:
            store.close()


async def start_run(served: Served, request: Request) -> Response:
    """Start a workflow of the server by its name. The server makes and publishes its videos.

    Where the workflow itself does not agree to the money and the posts, the caller must.
    """

    return await act(served, request, RunAsked, launching(served, request))


def launching(served: Served, request: Request) -> Work[RunAsked]:
    """Return the work of a request that starts a workflow."""

    async def work(one: Act, asked: RunAsked) -> tuple[Any, HTTPStatus]:
        loaded = _loaded(served, request, asked)
        async with _launch(one.session, loaded, request, asked) as launch:
            return await _write(one, launch.with_rooms(one.store), asked.agree), HTTPStatus.CREATED

    return work


async def _write(one: Act, launch: Launch, agreed: Agreed) -> dict[str, Any]:
    pipeline = launch.pipeline
    # First what can refuse the launch, then the agreement: a yes must not be followed by an error.
    check_output_folder(pipeline.loaded.out)
    pipeline.check_secrets()
    consent = consent_for(launch)
    check_agreed(consent, agreed)
    one.store.check_whole()
    run = RunRow(new_id(), None, pipeline.workflow.name, freeze(pipeline), one.served.now())
    document = {
        "run": run.id,
        "workflow": run.workflow,
        "jobs": [entry.id for entry in launch.entries],
        "cost": None if launch.cost is None else str(launch.cost),
        "notes": [*pipeline.name_notes(), *launch.notes, *consent.over_budgets],
    }
    # A kill between the two leaves a run without jobs, which does no harm, and the request can be sent again.
    await one.store.add_run(run)
    await one.answering(document, HTTPStatus.CREATED).add_jobs(run.id, launch.jobs)
    return document


def check_agreed(consent: Consent, agreed: Agreed) -> None:
    """Make sure that workflow or caller agree to the money and the posts. Raises `Problem`."""
    covered = agreed.unknown_cost if consent.cost is None else consent.cost <= (agreed.cost or 0)
    money = consent.money_agreed or covered
    posts = consent.posts_agreed or set(consent.public) <= set(agreed.public)
    if money and posts:
        return
    # All that the workflow leaves open, also what this request agrees to already: the next one repeats it.
    needed: dict[str, Any] = {}
    if not consent.money_agreed:
        needed |= {"unknown_cost": True} if consent.cost is None else {"cost": str(consent.cost)}
    if not consent.posts_agreed:
        needed["public"] = list(consent.public)
    said = [consent.spends] * (not money) + [consent.shows] * (not posts)
    raise not_agreed(" ".join(said), {"agree": needed})


@asynccontextmanager
async def _launch(session: Session, loaded: Loaded, request: Request, asked: LaunchAsked) -> AsyncIterator[Launch]:
    """Plan what is asked for, with every check that a run has. Raises `InvalidInput`."""
    pipeline = session.build(loaded)
    try:
        if not is_admin(request):
            _check_places(pipeline, asked)
        yield await check_briefs(_planned(pipeline, asked))
    finally:
        await pipeline.close()


def _planned(pipeline: Pipeline, asked: LaunchAsked) -> Launch:
    given: dict[str, Any] = dict(asked.brief)
    given |= {"prompt": asked.prompt} if asked.prompt is not None else {}
    given |= {"vars": dict(asked.vars)} if asked.vars else {}
    if not asked.rows:
        return launch_asked(pipeline, None, given, new_id())
    # Read as a file is, so that its rows mean the same and their mistakes are told in the same words.
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        path = Path(folder) / "rows.json"
        path.write_text(json.dumps(asked.rows), encoding="utf-8")
        with _named_rows(path):
            # Each run of rows is new: whoever sends them again, with another key, means other videos.
            return launch_asked(pipeline, path, given, new_id(), again=True)


class _named_rows:  # noqa: N801
    """Names the rows of a request in errors, and not the file that they were read from."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ReelworkError):
            told = [text.replace(self._path, "rows") for text in (error.message, error.money, error.hint)]
            raise Problem(status_of(error), told[0], money=told[1], hint=told[2]) from error


def is_admin(request: Request) -> bool:
    """Return whether the caller may do everything."""
    token = request.scope[TOKEN]
    return token is not None and tokens.allows(token.scopes, Scope.ADMIN)


def _loaded(served: Served, request: Request, asked: LaunchAsked) -> Loaded:
    """Return the workflow that is asked for, once the caller may ask for it so. Raises `InvalidInput`."""
    if not is_admin(request):
        _check_named(served, asked)
        _check_free(asked)
    path = None if asked.workflow is None else served.offered.path(asked.workflow)
    loaded = load(path, options=asked.settings, cwd=served.offered.folder, options_from="settings of the request")
    # Read once more, and it may have changed meanwhile.
    if served.brand and loaded.workflow.brand != served.brand:
        raise NotFound("workflow", asked.workflow or "", served.offered.names())
    return loaded


def _check_named(served: Served, asked: LaunchAsked) -> None:
    if asked.workflow is None:
        known = ", ".join(served.offered.names()) or "none yet"
        raise _refused("Name one of the server's workflows.", f"There are: {known}.", "workflow")
    if asked.settings:
        raise _refused("Settings of a workflow need the scope admin.", "Leave them out.", "settings")


def _check_free(asked: LaunchAsked) -> None:
    for name in asked.brief:
        if name not in FREE:
            raise _not_free(name, f"brief.{name}")
    for number, row in enumerate(asked.rows):
        for name in row:
            # Other columns fill places in the workflow's own texts; which, is checked once it is read.
            if name.partition(".")[0].strip().lower() in _NOT_FREE:
                raise _not_free(name, f"rows.{number}.{name}")


_NOT_FREE = frozenset(
    {"references", "reference", "input_reference", "webhook", "webhook_url", "options", "option"}
    | {"destinations", "destination"}
)


def _check_places(pipeline: Pipeline, asked: LaunchAsked) -> None:
    """Refuse what would fill a place where the workflow names a file or an address."""
    briefs: Mapping[str, Any] = pipeline.workflow.briefs
    places = columns_in({name: value for name, value in briefs.items() if name not in FREE})
    given_vars = bool(asked.vars) or "vars" in asked.brief
    for place in sorted(places):
        if asked.rows or (given_vars and place.startswith("vars.")):
            raise _not_free(f"{{{place}}}", "vars" if given_vars else "rows")


def _not_free(name: str, pointer: str) -> Problem:
    return _refused(
        f"{name} can name a file, an address or a secret, which needs the scope admin.", "Leave it out.", pointer
    )


def _refused(message: str, hint: str, pointer: str) -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN, message, money=NOTHING, hint=hint,
        errors=({"pointer": pointer, "detail": "it needs the scope admin"},),
    )  # fmt: skip


OPERATIONS = (
    Operation(path="/api/v1/workflows", scope=Scope.READ, answer=list_workflows, query=Asked, returns=Workflows),
    Operation(
        path="/api/v1/plans",
        scope=Scope.RUN,
        answer=make_plan,
        method="POST",
        body=LaunchAsked,
        returns=PlanTold,
    ),
    Operation(
        path="/api/v1/runs",
        scope=Scope.RUN,
        answer=start_run,
        method="POST",
        body=RunAsked,
        returns=Launched,
        status=HTTPStatus.CREATED,
        headers=(KEY_HEADER,),
    ),
)
