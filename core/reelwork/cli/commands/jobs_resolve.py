"""`reelwork jobs resolve`: the evidence, and what a person decides from it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.cli.views.evidence import Question
    from reelwork.studio.decisions import Choice
    from reelwork.studio.job_view import JobView


@dataclass(frozen=True)
class Decision:
    """A person's decision about a job."""

    choice: Choice
    destination: str | None = None
    remote_id: str | None = None
    attempt: int | None = None
    """The sending it is about."""


@click.command("resolve")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@click.option("--happened", metavar="REMOTE-ID", help="It happened, and made the video or post of this id.")
@click.option("--did-not-happen", is_flag=True, help="It did not happen: it is sent once more.")
@click.option("--approve", is_flag=True, help="What is held may go on, exactly as it is.")
@click.option("--reject", is_flag=True, help="What is held is not made or posted.")
@click.option("--destination", metavar="NAME", help="Which effect is meant, when several are unknown.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Which sending is meant, after several.")
@common_options(log=True)
def resolve_job(
    name: str,
    happened: str | None,
    did_not_happen: bool,
    approve: bool,
    reject: bool,
    destination: str | None,
    attempt: int | None,
) -> None:
    """Decide about a job that is held, and go on with it: did it happen, or may it go on.

    Shows what was sent, when and by whom, and what was noted; then asks, unless an option says what is decided.
    """
    given = _given(happened, did_not_happen, approve, reject, destination, attempt)
    view, asked = _look(name)
    decision = given or _ask_first(view, asked)
    if decision is None:
        _only_show(view, asked)
    else:
        _carry_out(view, decision)


def _given(
    happened: str | None,
    did_not_happen: bool,
    approve: bool,
    reject: bool,
    destination: str | None,
    attempt: int | None,
) -> Decision | None:
    found: list[Decision] = []
    if happened is not None:
        found.append(Decision("happened", destination, happened, attempt))
    found += [Decision("not-happened", destination, None, attempt)] * did_not_happen
    found += [Decision("approve")] * approve + [Decision("reject")] * reject
    if len(found) > 1:
        raise click.UsageError("Give one of --happened, --did-not-happen, --approve and --reject.")
    return found[0] if found else None


def _look(name: str) -> tuple[JobView, list[Question]]:
    from reelwork.cli.stores import NO_JOBS, store_if_there
    from reelwork.cli.views.evidence import questions
    from reelwork.studio.find_jobs import find_job
    from reelwork.studio.job_view import doubt_of, view_of

    with store_if_there() as store:
        row = find_job(store or NO_JOBS, name)
        assert store is not None
        view = view_of(row, doubt=doubt_of(store, row))
        return view, questions(view, store.effects_of(row.id), store.events(row.id))


def _ask_first(view: JobView, asked: list[Question]) -> Decision | None:
    """Show the evidence to a person and take the answer; None when nobody is there, or decides nothing."""
    from reelwork.cli.confirm import can_ask
    from reelwork.cli.views.evidence import OUTCOME, shown
    from reelwork.cli.views.text import tell

    if not asked or shared().json or not can_ask():
        return None
    tell("\n".join(shown(view, asked)), err=True)
    first = asked[0]
    return _ask_outcome(first) if first.kind == OUTCOME else _ask_content()


def _ask_outcome(question: Question) -> Decision | None:
    from reelwork.cli.views.text import tell

    tell(f"\nLook at {question.subject} whether it is there. If it is not, it is sent once more.", err=True)
    answer = _answer("[h] it happened   [n] it did not happen   [enter] not now: ")
    if answer == "n":
        return Decision("not-happened", question.subject, None, question.attempt)
    if answer != "h":
        return None
    remote_id = _answer("Its id there: ", lower=False)
    return Decision("happened", question.subject, remote_id, question.attempt) if remote_id else None


def _ask_content() -> Decision | None:
    answer = _answer("\n[a] it may go on   [r] reject it   [enter] not now: ")
    choices = {"a": Decision("approve"), "r": Decision("reject")}
    return choices.get(answer)


def _answer(question: str, *, lower: bool = True) -> str:
    click.echo(question, nl=False, err=True)
    text = sys.stdin.readline().strip()
    return text.lower() if lower else text


def _only_show(view: JobView, asked: list[Question]) -> None:
    """The evidence, when nothing was decided. The exit code says that the job waits for somebody."""
    from reelwork.cli.confirm import can_ask
    from reelwork.cli.views.evidence import shown, ways
    from reelwork.cli.views.text import tell
    from reelwork.cli.views.wording import next_words
    from reelwork.studio.advice import next_step

    code = 3 if asked else 0
    if shared().json:
        document = {"job": view.id, "status": view.status, "questions": [one.as_json() for one in asked]}
        click.echo(json.dumps({**document, "exit_code": code}, indent=2, ensure_ascii=False))
    elif not asked:
        told = f"The job {view.short} is {view.status}; there is nothing to decide."
        following = next_words(view, next_step(view, open_questions=False))
        tell(told + (f"\nnext  {following}" if following else ""))
    elif can_ask():
        click.echo("Nothing was decided.")
    else:
        tell("\n".join(shown(view, asked)))
        tell(f"\nNothing was changed. Decide with {ways(asked)}.")
    click.get_current_context().exit(code)


def _carry_out(view: JobView, decision: Decision) -> None:
    from reelwork.cli.run_studio import Asking, drive
    from reelwork.cli.views.text import tell
    from reelwork.studio.results import RunResult
    from reelwork.studio.studio import Studio

    freed = _freed(view.id, decision)

    async def work(studio: Studio, asking: Asking) -> RunResult:
        job = await studio.resolve(
            view.id,
            decision=decision.choice,
            destination=decision.destination,
            remote_id=decision.remote_id,
            attempt=decision.attempt,
            shown=view.fence,
        )
        if freed:
            tell(freed, err=True)
        return RunResult(jobs=(job,))

    drive(work)


def _freed(job_id: str, decision: Decision) -> str:
    """Say what becomes of the money of a request that did not happen; empty when none was reserved for it."""
    from reelwork.cli.stores import store_if_there
    from reelwork.cli.views.text import dollars
    from reelwork.money import to_dollars
    from reelwork.store.statuses import CLOSED

    if decision.choice != "not-happened":
        return ""
    with store_if_there() as store:
        assert store is not None
        (row,) = store.some([job_id])
        effects = [one for one in store.effects_of(job_id) if one.state == "unknown" and one.money == "reserved"]
    named = [one for one in effects if decision.destination in (None, one.subject)]
    amount = dollars(to_dollars(sum(one.reserved or 0 for one in named)))
    if not named:
        return ""
    if row.status in CLOSED:
        return f"{amount} is free again: it is no longer counted as in doubt."
    return f"{amount} is no longer in doubt. It stays reserved for sending the request once more."
