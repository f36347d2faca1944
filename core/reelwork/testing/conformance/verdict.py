"""The rules, and for each that was broken a sentence that says what the author should change.

What is believed is the counterpart's log. Reelwork's own books and the tale of the plugin's calls only explain it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reelwork.plugins.answers import EMPTY_FOUND
from reelwork.testing.conformance.call_log import CALL, FIND, Told
from reelwork.testing.conformance.proxy_script import Seen
from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork.testing.conformance.trial import JobEnd, Outcome
from reelwork_hooks.effects import Idempotency

_ONLY_FROM_WHOLE = (
    "Answer Absent only from a complete list that was read to its end; "
    "raise Unavailable or answer Unsure otherwise."
)
_NOTHING_FITS = "Where nothing fits, answer a Listing of all there is, Absent or Unsure."
LONGEST_TALE = 14
"""Lines shown of what happened."""


@dataclass(frozen=True)
class Words:
    """The terms for a provider, or for a publisher."""

    acted: str
    acts: str
    call: str
    find: str
    declared: str

    @classmethod
    def of(cls, kind: str) -> Words:
        """Return the terms for a kind of plugin."""
        if kind == "provider":
            return cls("paid for", "charges", "submit", "find", "capabilities()")
        return cls("posted", "posts", "publish", "find_post", "the class")


def judge(outcome: Outcome, kind: str, *, same_ids: bool) -> str:
    """Return the rule that a case broke, in words for its author; empty when it broke none."""
    words = Words.of(kind)
    problem = _problem(outcome, words, same_ids=same_ids)
    if not problem:
        return ""
    return "\n".join([f"After {outcome.case}: {problem}", "", *_story(outcome, words)])


def _problem(outcome: Outcome, words: Words, *, same_ids: bool) -> str:
    # The worst first: what was paid or posted twice goes before everything that only explains it.
    if outcome.crash:
        return f"the process failed on its own:\n{outcome.crash.rstrip()}"
    if len(outcome.jobs) != outcome.case.jobs:
        return "a job was lost: the store no longer has it. This is a fault in Reelwork; please report it."
    if len(outcome.carried_out) > len(outcome.jobs) or _repeated(outcome):
        return _twice(outcome, words)
    wrong = _wrongly_absent(outcome)
    if wrong is not None:
        return f"{words.find}() answered Absent {_from_what(outcome, wrong)}. {_ONLY_FROM_WHOLE}"
    if any(told.what == FIND and EMPTY_FOUND in told.words for told in outcome.tale):
        return f"{words.find}() answered Found and named nothing. {_NOTHING_FITS}"
    for job in outcome.jobs:
        problem = _unexplained(job) or _wrongly_rejected(outcome, job, words)
        if problem:
            return problem
    if outcome.done > len(outcome.carried_out):
        return _made_up(outcome, words)
    strange = _strange_ids(outcome) if same_ids else []
    if strange:
        return _strange(strange, outcome, words)
    # Without a key or a lookup, a lost answer is held for a person: that is the promise, and no fault.
    if outcome.idempotency is not Idempotency.NONE or outcome.case.scene == UNDISTURBED:
        return _unfinished(outcome, words)
    return ""


def _repeated(outcome: Outcome) -> bool:
    return any(times > 1 for times in Counter(outcome.carried_out).values())


def _twice(outcome: Outcome, words: Words) -> str:
    times, jobs = len(outcome.carried_out), len(outcome.jobs)
    what = f"there are {times} {words.acts} for {jobs} {'job' if jobs == 1 else 'jobs'}"
    return f"{what}. {_why_twice(outcome, words)}"


def _why_twice(outcome: Outcome, words: Words) -> str:
    calls = [told for told in outcome.tale if told.what == CALL]
    for call in calls:
        within = [seen for seen in _between(outcome, call) if seen.arrived]
        same = Counter((seen.method, seen.path) for seen in within)
        # In that scene the network has doubled it, not the plugin.
        if outcome.case.scene != "delivered twice" and any(count > 1 for count in same.values()):
            return (
                f"{words.call}() sent the request again within one call. Send it once and raise "
                f"OutcomeUnknown when there is no clear answer: the engine finds out what happened."
            )
    if outcome.idempotency is Idempotency.KEY:
        return _bad_key(outcome, words)
    wrong = [call for call in calls if call.came == "NotSent" and any(s.arrived for s in _between(outcome, call))]
    if wrong:
        answer = _answer_to(outcome, wrong[0])
        return (
            f"{words.call}() raised NotSent ({wrong[0].words}) after {answer}, and the request had been accepted, "
            f"so it was sent again. Raise NotSent only with proof that nothing was accepted: connection refused, "
            f"or 429. Everything else is OutcomeUnknown."
        )
    absent = [told for told in outcome.tale if told.what == FIND and told.came == "Absent"]
    if absent:
        return (
            f"{words.call}() was called again although the first was accepted: {words.find}() answered Absent "
            f"{_from_what(outcome, absent[0])}. {_ONLY_FROM_WHOLE}"
        )
    return "See below what was called and sent."


def _wrongly_absent(outcome: Outcome) -> Told | None:
    """Return a lookup that found nothing although it was there. It may be harmless here, by luck."""
    # With two alike, or with controls, an Absent may be about the one that never arrived.
    if outcome.case.controls or len(outcome.jobs) > 1 or not outcome.carried_out:
        return None
    arrived = [seen.at for seen in outcome.acts if seen.arrived]
    looks = [told for told in outcome.tale if told.what == FIND and told.came == "Absent"]
    return next((told for told in looks if arrived and min(arrived) < told.at), None)


def _bad_key(outcome: Outcome, words: Words) -> str:
    keys = {told.key for told in outcome.tale}
    if any(not any(key.encode() in seen.content for key in keys) for seen in outcome.acts):
        return (
            f"{words.declared} declares Idempotency.KEY, but effect.key is not in the request. Send it where the "
            f"other side looks for a key, or declare LOOKUP or NONE."
        )
    return (
        f"{words.declared} declares Idempotency.KEY and effect.key is in the request, but the other side did not "
        f"go by it. Send it where it looks for a key, or declare LOOKUP or NONE."
    )


def _from_what(outcome: Outcome, absent: Told) -> str:
    looked = [seen for seen in _between(outcome, absent) if not seen.number]
    if outcome.case.crowd:
        return "from a list of which it had not read all pages"
    if looked and looked[-1].struck:
        return f"though its look had gone wrong ({looked[-1]})"
    return "although it was there"


def _unexplained(job: JobEnd) -> str:
    if job.status == "active":
        return (
            f"the job had not ended after a long time; it stood at {job.step!r} ({job.reason or 'no reason'}). "
            f"Look for a call that never returns, or a state that is never final."
        )
    if job.status in ("held", "failed", "rejected") and not job.reason:
        return f"the job was {job.status} without a reason. Give the error that is raised a message."
    return ""


def _wrongly_rejected(outcome: Outcome, job: JobEnd, words: Words) -> str:
    refused = job.effect == "rejected" or job.status == "rejected"
    if not (refused and outcome.carried_out):
        return ""
    said = [told.words for told in outcome.tale if told.came == "Rejected"] or [job.reason]
    return (
        f"the job ended as rejected although it was {words.acted}: {words.call}() raised Rejected ({said[-1]}). "
        f"Raise Rejected only when the other side said that it did no work; after a 5xx, a time-out or an answer "
        f"that cannot be read raise OutcomeUnknown."
    )


def _made_up(outcome: Outcome, words: Words) -> str:
    what = f"the job is done, but nothing was {words.acted} for it"
    return f"{what}. {_why_made_up(outcome, words)}"


def _why_made_up(outcome: Outcome, words: Words) -> str:
    found = [told for told in outcome.tale if told.what == FIND and told.came == "Found"]
    theirs = [id_ for told in found for id_ in told.ids if id_ in outcome.others]
    if theirs:
        return (
            f"{words.find}() answered Found with {theirs[0]!r}, which is somebody else's. Compare what it finds "
            f"with what was asked for: the key, the words, the time it was made."
        )
    if found:
        return f"{words.find}() answered Found with {found[-1].ids[0]!r}, which the other side does not have."
    returned = [told for told in outcome.tale if told.what == CALL and told.came == "returned"]
    answer = _answer_to(outcome, returned[-1]) if returned else "no answer"
    id_ = returned[-1].ids[0] if returned and returned[-1].ids else ""
    return (
        f"{words.call}() returned the id {id_!r} after {answer}. Return only what the other side answered, and "
        f"raise OutcomeUnknown when it did not."
    )


def _strange_ids(outcome: Outcome) -> list[str]:
    known = set(outcome.carried_out)
    return [job.remote_id for job in outcome.jobs if job.remote_id is not None and job.remote_id not in known]


def _strange(strange: list[str], outcome: Outcome, words: Words) -> str:
    return f"the job's id is {strange[0]!r}, which the other side never gave. {_why_made_up(outcome, words)}"


def _unfinished(outcome: Outcome, words: Words) -> str:
    for job in outcome.jobs:
        if job.status == "done" or _rightly_held(outcome, job):
            continue
        said = f"the job ended as {job.status} instead of done: {job.reason}"
        return f"{said.rstrip('.')}. {_why_unfinished(outcome, job, words)}"
    return ""


def _rightly_held(outcome: Outcome, job: JobEnd) -> bool:
    """Return whether a hold is right: the request never arrived, and nothing known to be there shows that."""
    # A lookup that finds nothing is then no proof. To send again could pay twice. In a list of what has ended it is
    # never proof, whatever else is there.
    unproven = not outcome.case.controls or outcome.listed_late
    looked_up = outcome.idempotency is Idempotency.LOOKUP and unproven
    never_arrived = outcome.done >= len(outcome.carried_out)
    return looked_up and never_arrived and job.status == "held" and job.effect == "unknown"


def _why_unfinished(outcome: Outcome, job: JobEnd, words: Words) -> str:
    if outcome.case.scene == UNDISTURBED:
        return "Fix this first: nothing went wrong in this scene."
    if job.status == "rejected":
        return (
            f"What went wrong passes: raise NotSent or OutcomeUnknown in {words.call}(), and Unavailable before "
            f"it, rather than Rejected."
        )
    unsure = [told for told in outcome.tale if told.what == FIND and told.came == "Unsure"]
    if unsure:
        return (
            f"{words.find}() answered Unsure ({unsure[-1].words}) every time, though the other side was well "
            f"again. Declare NONE if it can never tell."
        )
    return (
        f"What went wrong passes, and with {outcome.idempotency.name} nobody has to be asked: when run again, the "
        f"job must continue."
    )


def _between(outcome: Outcome, told: Told) -> list[Seen]:
    return [seen for seen in outcome.seen if told.at <= seen.at <= told.ended]


def _answer_to(outcome: Outcome, told: Told) -> str:
    within = [seen for seen in _between(outcome, told) if seen.number]
    if not within:
        return "no request at all"
    return "no answer" if within[-1].answered is None else f"an answer of {within[-1].answered}"


def _story(outcome: Outcome, words: Words) -> list[str]:
    """Return the calls, requests and answers in order, and the end of each job."""
    lines: list[tuple[float, str]] = []
    for told in outcome.tale:
        name = words.call if told.what == CALL else words.find
        lines.append((told.at, f"{name}() called, attempt {told.attempt}"))
        ids = f" {', '.join(told.ids)}" if told.ids else ""
        came = f"{told.came}{ids}{f': {told.words}' if told.words else ''}" if told.came else ""
        if came:
            lines.append((told.ended, f"{name}() came to {came}"))
    lines += [(seen.at, f"  {seen}") for seen in outcome.seen]
    ordered = [text for _, text in sorted(lines, key=lambda line: line[0])]
    if len(ordered) > LONGEST_TALE:
        # The beginning shows what was asked, the end what went wrong.
        ordered = [*ordered[: LONGEST_TALE // 2], "  …", *ordered[-LONGEST_TALE // 2 :]]
    ends = [f"{job.status}{f' ({job.reason})' if job.reason else ''}" for job in outcome.jobs]
    carried = ", ".join(outcome.carried_out) or "nothing"
    return ["What happened:", *(f"  {text}" for text in ordered),
            f"The counterpart's log: {carried}. The jobs: {'; '.join(ends) or 'none'}."]  # fmt: skip
