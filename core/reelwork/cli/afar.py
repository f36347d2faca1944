"""`run`, `resume` and `jobs` at a server, with `--server`: the same lines as for jobs of this machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import click

from reelwork.cli.confirm import WITHOUT_ASKING, ask, can_ask
from reelwork.cli.job_pages import PAGE, Page
from reelwork.cli.options import Request
from reelwork.cli.shared import shared
from reelwork.cli.vantage import vantage_afar
from reelwork.cli.views.text import tell
from reelwork.errors import Declined, WorkflowInvalid
from reelwork.money import dollars
from reelwork.net.api_client import ApiClient, NeedsAgreement
from reelwork.store.statuses import GOES_ON, Status, Step
from reelwork.studio.job_afar import StoryAfar, view_told
from reelwork.studio.results import RunResult, result_of
from reelwork.studio.wording import label_of, step_words

TOKEN_VARIABLE = "REELWORK_TOKEN"
KEYRING_SERVICE = "reelwork-server"
LOOK_SECONDS = 1.0
"""Seconds between two looks at jobs that are waited for."""


def client_of_server() -> ApiClient:
    """Return the API of the server that is named, with the token for it."""
    return client_of(shared().server or "")


def client_of(url: str) -> ApiClient:
    """Return the API of a server, with the token for it."""
    return ApiClient(url, os.environ.get(TOKEN_VARIABLE) or _kept_token(url))


def _kept_token(url: str) -> str | None:
    """Return the token that the system's keyring has for a server; None if there is none."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(KEYRING_SERVICE, url)
    except KeyringError:
        # No keyring is running. Where a token is needed, the server says so.
        return None


# --- looking ---------------------------------------------------------------------------------------------


def list_afar(which: Mapping[str, Any], cursor: str | None, limit: int) -> Iterator[Page]:
    """Yield the list page by page."""
    since = which["since"]
    query = {
        **which,
        "since": None if since is None else datetime.fromtimestamp(since, UTC).isoformat(),
        "metadata": [f"{name}={value}" for name, value in which["metadata"]],
    }
    with client_of_server() as client:
        before = None if cursor is None else _cursor_after(client, cursor)
        while limit > 0:
            found = client.get("jobs", **query, cursor=before, limit=min(limit, PAGE))
            if not found["items"]:
                return
            yield Page([view_told(one) for one in found["items"]], found["next"] is not None)
            before, limit = found["next"], limit - len(found["items"])
            if before is None:
                return


def _cursor_after(client: ApiClient, name: str) -> str:
    """Return the cursor of the page after a job."""
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(client.get("jobs", name)["id"].encode()).decode().rstrip("=")


def show_afar(name: str) -> None:
    """Print everything about one job."""
    from reelwork.cli.views.job_page import story
    from reelwork.studio.next_words import next_words

    with client_of_server() as client:
        told = client.get("jobs", name)
    at, afar = vantage_afar(), StoryAfar(told)
    if shared().json:
        following = next_words(view_told(told), at=at)
        click.echo(json.dumps({**told, "next": following}, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(story(afar, afar.row, at)))


# --- acting ----------------------------------------------------------------------------------------------


def run_afar(request: Request, *, yes: bool, dry_run: bool, again: bool, copies: str | None) -> NoReturn:
    """Start a workflow of the server, and wait for its jobs."""
    body = _body_of(request, again=again, copies=copies)
    with client_of_server() as client:
        if dry_run:
            _show_plan(client.post("plans", body=body))
        started = agreed_to(client, ("runs",), body, yes=yes)
        wait_for(client, started["jobs"], started["run"], started["notes"])


def _body_of(request: Request, *, again: bool, copies: str | None) -> dict[str, Any]:
    if isinstance(request.what, Path):
        raise WorkflowInvalid(
            f"{request.what}: a file is not sent to a server.", money="Nothing was sent.",
            hint='Name a workflow of the server: reelwork run --workflow NAME "PROMPT"',
        )  # fmt: skip
    if request.out is not None or again or copies is not None:
        raise click.UsageError("--out, --again and --copies do not go with --server.")
    body: dict[str, Any] = {"brief": _as_json(request.brief)}
    if request.what is not None:
        body["prompt"] = request.what
    if request.workflow is not None:
        body["workflow"] = str(request.workflow).removesuffix(".toml")
    if request.settings:
        body["settings"] = dict(request.settings)
    return body


def _as_json(brief: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in brief.items()}


def _show_plan(told: Mapping[str, Any]) -> NoReturn:
    if not shared().json:
        cost = "an unknown price" if told["cost"] is None else dollars(Decimal(str(told["cost"])))
        tell(f"{len(told['jobs'])} jobs at {told['provider']} for {cost}; --json shows them. Nothing was sent.")
    else:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    click.get_current_context().exit(told["exit_code"])


def cancel_afar(names: Sequence[str]) -> None:
    """End jobs for good."""
    from reelwork.cli.views.summary import result_as_json, summary

    with client_of_server() as client:
        jobs = _named(client, names)
        for job in jobs:
            client.post("jobs", job, "cancel", body={})
        result = _result(client, jobs)
    if shared().json:
        click.echo(json.dumps(result_as_json(result, 0, vantage_afar()), indent=2, ensure_ascii=False))
    else:
        tell(summary(result, at=vantage_afar()))


def resume_afar(names: Sequence[str], assignments: Sequence[str]) -> NoReturn:
    """Let jobs that stopped go on, and wait for them."""
    if assignments:
        raise click.UsageError("--set does not go with --server.")
    with client_of_server() as client:
        jobs = _named(client, names) if names else [one["id"] for one in _all(client, status=list(GOES_ON))]
        known = {job: client.get("jobs", job) for job in jobs}
        stopped = [
            job
            for job, told in known.items()
            if told["status"] in (Status.FAILED, Status.HELD) and told["step"] != Step.SUBMIT_AGAIN
        ]
        for job in stopped:
            client.post("jobs", job, "resume", body={})
        going = [job for job, told in known.items() if told["status"] == Status.ACTIVE]
        wait_for(client, [job for job in jobs if job in (*stopped, *going)] if not names else jobs)


def retry_afar(names: Sequence[str], *, yes: bool) -> NoReturn:
    """Try jobs again, and wait for them."""
    with client_of_server() as client:
        jobs = _named(client, names)
        for job in jobs:
            agreed_to(client, ("jobs", job, "retry"), {}, yes=yes)
        wait_for(client, jobs)


def agreed_to(client: ApiClient, path: tuple[str, ...], body: Mapping[str, Any], *, yes: bool) -> Any:
    """Ask for something that may cost, once somebody has agreed to what it costs. Raises `Declined`."""
    try:
        return client.post(*path, body=body)
    except NeedsAgreement as needs:
        if not yes:
            if not can_ask():
                raise Declined(needs.message, money=needs.money, hint=f"{WITHOUT_ASKING}.") from needs
            tell(needs.message, err=True)
            if not ask("Continue?"):
                raise Declined("Stopped.") from needs
        # To exactly that: should it have become dearer meanwhile, it is asked about again.
        return client.post(*path, body={**body, **needs.needs})


def _named(client: ApiClient, names: Iterable[str]) -> list[str]:
    """Return the jobs that these names mean, each once."""
    found: list[str] = []
    for name in names:
        of_run = jobs_of_run(client, name)
        found += of_run or [client.get("jobs", name)["id"]]
    return list(dict.fromkeys(found))


def jobs_of_run(client: ApiClient, run: str) -> list[str]:
    """Return the jobs of a run, the first one first; none if it is none."""
    return [one["id"] for one in _all(client, run=run)][::-1]


def _all(client: ApiClient, **which: Any) -> Iterator[Any]:
    cursor = None
    while True:
        page = client.get("jobs", **which, cursor=cursor, limit=PAGE)
        yield from page["items"]
        if (cursor := page["next"]) is None:
            return


def wait_for(client: ApiClient, jobs: Sequence[str], run: str | None = None, notes: Sequence[str] = ()) -> NoReturn:
    """Wait until no job is active, show the result, and exit with its code."""
    from reelwork.cli.views.summary import result_as_json, summary

    try:
        _until_settled(client, jobs)
    except KeyboardInterrupt:
        tell(vantage_afar().typed("The server continues. See: reelwork jobs list"), err=True)
        click.get_current_context().exit(130)
    result = _result(client, jobs).replace(run=run, notes=tuple(notes))
    if shared().json:
        document = {**result_as_json(result, result.exit_code, vantage_afar()), "sheets": []}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell(summary(result, at=vantage_afar()))
    click.get_current_context().exit(result.exit_code)


def _until_settled(client: ApiClient, jobs: Sequence[str]) -> None:
    told: dict[str, tuple[str, str]] = {}
    while True:
        views = [view_told(client.get("jobs", job)) for job in jobs]
        for view in views:
            standing = (view.status, view.step)
            if told.get(view.id) != standing and not shared().json:
                told[view.id] = standing
                tell(f"{label_of(view)}: {step_words(view.step, view.status) or view.status}", err=True)
        if all(view.status != Status.ACTIVE for view in views):
            return
        time.sleep(LOOK_SECONDS)


def _result(client: ApiClient, jobs: Sequence[str]) -> RunResult:
    return RunResult(jobs=tuple(result_of(view_told(client.get("jobs", job))) for job in jobs))
