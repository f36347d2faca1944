"""`reelwork jobs resolve`: shows the evidence and takes a person's decision."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.studio.decisions import Choice
    from reelwork.studio.job_view import JobView
    from reelwork.studio.next_words import Vantage
    from reelwork.studio.review import Question, Review


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
@click.option("--happened", metavar="REMOTE-ID", help="It happened, and made the video or post with this id.")
@click.option("--did-not-happen", is_flag=True, help="It did not happen: it is sent once more.")
@click.option("--approve", is_flag=True, help="Approve exactly what is held.")
@click.option("--reject", is_flag=True, help="End the job: nothing more is made or posted.")
@click.option("--destination", metavar="NAME", help="The effect you mean, if several are unknown.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="The attempt you mean, if there were several.")
@click.option("--by", metavar="WHO", help="Who decides, for the job's story; by default the user of this machine.")
@common_options(log=True, plugins=True)
def resolve_job(
    name: str,
    happened: str | None,
    did_not_happen: bool,
    approve: bool,
    reject: bool,
    destination: str | None,
    attempt: int | None,
    by: str | None,
) -> None:
    """Decide about a held job, and resume it: did the effect happen, or is the content approved?

    Shows what was sent, when, by whom, and the evidence. Then it asks, unless an option gives the decision.
    """
    given = _given(happened, did_not_happen, approve, reject, destination, attempt)
    review, at = _look(name)
    decision = given or _ask_first(review)
    if decision is None:
        _only_show(review, at)
    else:
        _carry_out(review.job, decision, by)


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


def _look(name: str) -> tuple[Review, Vantage]:
    from reelwork.cli.stores import NO_JOBS, store_if_there
    from reelwork.cli.vantage import vantage
    from reelwork.studio.job_names import find_job
    from reelwork.studio.review import review_of

    with store_if_there() as store:
        row = find_job(store or NO_JOBS, name)
        assert store is not None
        return review_of(store, row), vantage(store)


def _ask_first(review: Review) -> Decision | None:
    """Show the evidence to a person and take the answer; None when nobody is there, or decides nothing."""
    from reelwork.cli.confirm import can_ask
    from reelwork.cli.views.evidence import shown
    from reelwork.cli.views.text import tell
    from reelwork.studio.review import OUTCOME

    # A program gets the questions as JSON, and answers with an option.
    if not review.questions or shared().json or not can_ask():
        return None
    tell("\n".join(shown(review)), err=True)
    first = review.questions[0]
    return _ask_outcome(first) if first.kind == OUTCOME else _ask_content()


def _ask_outcome(question: Question) -> Decision | None:
    from reelwork.cli.views.text import tell

    tell(f"\nCheck at {question.subject} whether it is there. If it is not, it is sent once more.", err=True)
    answer = _answer("[h] it happened   [n] it did not happen   [enter] not now: ")
    if answer == "n":
        return Decision("not-happened", question.subject, None, question.attempt)
    if answer != "h":
        return None
    remote_id = _answer("Its id there: ", lower=False)
    return Decision("happened", question.subject, remote_id, question.attempt) if remote_id else None


def _ask_content() -> Decision | None:
    answer = _answer("\n[a] approve it   [r] reject it   [enter] not now: ")
    choices = {"a": Decision("approve"), "r": Decision("reject")}
    return choices.get(answer)


def _answer(question: str, *, lower: bool = True) -> str:
    # On standard error: standard output may be read by another command.
    click.echo(question, nl=False, err=True)
    # The end of the input is an empty line, and so no decision.
    text = sys.stdin.readline().strip()
    return text.lower() if lower else text


def _only_show(review: Review, at: Vantage) -> None:
    """Show the evidence, when nothing was decided. The exit code says that the job waits for a person."""
    from reelwork.cli.confirm import can_ask
    from reelwork.cli.views.evidence import shown, ways
    from reelwork.cli.views.text import tell
    from reelwork.studio.advice import next_step
    from reelwork.studio.next_words import next_words

    view, asked = review.job, review.questions
    code = 3 if asked else 0
    if shared().json:
        document = {"job": view.id, "status": view.status, "questions": [one.as_json() for one in asked]}
        click.echo(json.dumps({**document, "exit_code": code}, indent=2, ensure_ascii=False))
    elif not asked:
        told = f"The job {view.short} is {view.status}; there is nothing to decide."
        following = next_words(view, next_step(view, open_questions=False, driven=at.driven), at)
        tell(told + (f"\nnext  {following}" if following else ""))
    elif can_ask():
        click.echo("Nothing was decided.")
    else:
        tell("\n".join(shown(review)))
        tell(f"\nNothing was changed. Decide with {ways(review)}.")
    click.get_current_context().exit(code)


def _carry_out(job: JobView, decision: Decision, by: str | None) -> None:
    from reelwork.cli.commands.review_decide import user
    from reelwork.cli.run_studio import Asking, drive
    from reelwork.cli.views.text import tell
    from reelwork.studio.results import RunResult
    from reelwork.studio.studio import Studio

    # Before the decision, which changes the money that this tells about.
    freed = _freed(job.id, decision)

    async def work(studio: Studio, asking: Asking) -> RunResult:
        resolved = await studio.resolve(
            job.id,
            decision=decision.choice,
            destination=decision.destination,
            remote_id=decision.remote_id,
            attempt=decision.attempt,
            # The fence of the job that the person was shown. A decision about an older view is refused.
            shown=job.fence,
            by=by or user(),
        )
        if freed:
            tell(freed, err=True)
        return RunResult(jobs=(resolved,))

    drive(work)


def _freed(job_id: str, decision: Decision) -> str:
    """Return a sentence about the money of a request that did not happen; empty if none was reserved for it."""
    from reelwork.cli.stores import store_if_there
    from reelwork.money import dollars
    from reelwork.studio.review import freed_by

    if decision.choice != "not-happened":
        return ""
    with store_if_there() as store:
        assert store is not None
        (row,) = store.some([job_id])
        freed = freed_by(store, row, decision.destination)
    if freed is None:
        return ""
    if freed.for_good:
        return f"{dollars(freed.amount)} is free again: it is no longer counted as in doubt."
    return f"{dollars(freed.amount)} is no longer in doubt. It stays reserved for sending the request once more."
