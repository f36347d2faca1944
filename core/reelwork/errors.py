"""The engine's own branches of the error tree in `reelwork_hooks.errors`.

::

    ReelworkError
    ├── InvalidInput
    │   ├── WorkflowInvalid       a workflow, batch file or option is wrong
    │   │   └── MovedOn           what a person decides about is not as they saw it any more
    │   ├── PlanRefused           what was asked cannot be made or posted as asked
    │   ├── NotFound              no plugin, provider, platform, job or command of that name
    │   ├── NotReviewer           somebody approved for a brand, and is none of its reviewers
    │   └── StoreInvalid          the store cannot be opened or is not ours
    ├── StoreUnwritable           the store cannot be written, such as for a full disk
    ├── Unstorable                the store can never take this value
    ├── PluginFailed              a plugin raised, answered what it may not, or ran over its time
    │   ├── PluginTimedOut        a provider ran over its time
    │   └── HookFailed            … in a hook
    │       └── HookTimedOut      a hook ran over its time
    ├── Declined                  the person said no, or could not be asked
    ├── BudgetExceeded            the next render would cost more than a budget allows
    ├── Limited                   a limit says: not yet
    │   ├── Cold                  the first request of an account is waited for
    │   └── PostsStopped          a person has stopped posts there
    ├── Unavailable
    │   ├── NoVideo               a download was answered, with something that is no video
    │   └── TooLarge              a download is larger than allowed
    ├── LedgerConflict            an effect is not in the state that a change needs
    │   └── IdTaken               what was made there belongs to another effect
    └── LeaseLost                 another process has taken over the job
"""

from __future__ import annotations

from collections.abc import Iterable

from reelwork.redaction.redactor import mask
from reelwork.text import LONGEST_READ, LONGEST_REASON, shown
from reelwork_hooks.errors import InvalidInput, NotSent, ReelworkError, Unavailable

LONGEST_SHOWN = LONGEST_REASON
"""Characters of an error that are shown."""
MOST_WRONG = 3
"""Values of one model that are named when it cannot be made."""


class WorkflowInvalid(InvalidInput):
    """A workflow, batch file or option is wrong."""


class MovedOn(WorkflowInvalid):
    """The subject of a decision is not as the person saw it any more, or somebody else has decided."""


class PlanRefused(InvalidInput):
    """A request that cannot be made or posted as asked."""


class NotFound(InvalidInput):
    """Nothing goes by that name."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        from difflib import get_close_matches

        names = sorted(map(str, known))
        near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        listing = f"Known: {', '.join(names)}." if names else ""
        super().__init__(f"There is no {kind} named {name!r}.{guess}", hint=hint or listing)


class NotReviewer(InvalidInput):
    """Somebody approved posts or held content of a brand that has reviewers, and is none of them."""

    money = "Nothing was changed, and nothing was posted."

    def __init__(self, who: str, brand: str, reviewers: Iterable[str]) -> None:
        super().__init__(
            f"{who or 'Nobody in particular'} may not approve for the brand {brand}.",
            hint=f"Its reviewers may: {', '.join(reviewers)}.",
        )


class StoreInvalid(InvalidInput):
    """The store cannot be opened or is not one of ours."""

    passing = False
    """True if it may pass by itself: there is room again, or another process lets go of the file."""


class StoreUnwritable(ReelworkError):
    """The store cannot be written. The answer to what was sent may be missing there; it is looked up later."""

    passing = False
    """True if it passes by itself: there is room again, or the file may be written again."""
    money = "What was not written down was not sent. What was sent is looked up, not sent again."


class Unstorable(ReelworkError):
    """The store can never take this value, such as half of a character. Retrying is in vain."""


class PluginFailed(ReelworkError):
    """A plugin raised, answered what it may not, or ran over its time. `__cause__` is what it raised."""

    passing = False
    """True if it may pass by itself. A wrong answer does not: the plugin's code has to change."""

    def __init__(self, callee: str, call: str, problem: str) -> None:
        super().__init__(f"{callee}, {call}: {problem}")
        self.call = call
        self.problem = problem


class PluginTimedOut(PluginFailed, TimeoutError):
    """A provider ran over its time."""

    passing = True

    def __init__(self, callee: str, call: str, seconds: float) -> None:
        super().__init__(callee, call, f"gave no answer within {seconds:g} s")


class HookFailed(PluginFailed):
    """A plugin's hook failed. `plugin` and `hook` name it."""

    def __init__(self, plugin: str, hook: str, problem: str, *, callee: str = "") -> None:
        super().__init__(callee or f"plugin {plugin!r}", f"hook {hook}", problem)
        self.plugin = plugin
        self.hook = hook


class HookTimedOut(HookFailed, TimeoutError):
    """A plugin's hook ran over its time."""

    passing = True

    def __init__(
        self, plugin: str, hook: str, seconds: float, *, still_running: bool = False, callee: str = ""
    ) -> None:
        super().__init__(plugin, hook, f"gave no answer within {seconds:g} s", callee=callee)
        self.still_running = still_running
        """It runs on in its thread, where it cannot be stopped, and may act yet."""


class Declined(ReelworkError):
    """The person said no, or there was nobody to ask."""

    money = "Nothing was sent, nothing was spent."


class BudgetExceeded(ReelworkError):
    """The next render would cost more than a budget allows."""

    money = "It was not sent and costs nothing."

    def __init__(self, message: str = "", *, hint: str = "", budget: str = "") -> None:
        super().__init__(message, hint=hint)
        self.budget = budget
        """The budget exceeded, such as `per_day`."""


class Limited(ReelworkError):
    """A limit says: not before `until` (seconds since the epoch)."""

    def __init__(self, until: float, why: str, *, account: str = "") -> None:
        super().__init__(why)
        self.until = until
        self.account = account


class Cold(Limited):
    """The first request of an account is in flight: nothing is known yet of what its list shows."""


class PostsStopped(Limited):
    """A person has stopped posts: this one may leave once they are started again."""


class NoVideo(Unavailable):
    """The other side answered, and its answer is no video."""


class TooLarge(Unavailable):
    """A download is larger than allowed."""


class LeaseLost(ReelworkError):
    """Another process has taken over the job: what this one was about to write is dropped."""


def with_advice(error: BaseException) -> str:
    """Return an error in one line, with the advice of an error of ours."""
    # The class of an error of the contract is for programs. Of a foreign one it may be all that there is.
    told = in_a_line(error)
    advice = shown(mask(error.hint)) if isinstance(error, ReelworkError) else ""
    return f"{told.rstrip('.')}. {advice}".rstrip(".") if advice else told


def in_sentences(error: ReelworkError) -> str:
    """Return our own message and what to do about it, as sentences after each other."""
    message, hint = in_a_line(error), shown(mask(error.hint))
    if not hint:
        return message
    return f"{message}{'' if message.endswith(('.', '!', '?', ':', '…')) else '.'} {hint}"


def with_hint(told: str, error: BaseException) -> str:
    """Return sentences, with what the error says to do next, or the one of ours that a plugin raised."""
    hints = (one.hint for one in (error, error.__cause__) if isinstance(one, ReelworkError) and one.hint)
    return f"{told} {shown(mask(next(hints, '')))}".rstrip()


def not_posted(error: BaseException) -> str:
    """Return why a post was not made, and what to do next."""
    return with_hint(f"{in_a_line(error).rstrip('.')}. Nothing was posted.", error)


def describe(error: BaseException) -> str:
    """Return an error in one line, without its traceback."""
    text, name = _text_of(error), type(error).__name__
    return f"{name}: {text}" if text else name


def in_a_line(error: BaseException) -> str:
    """Return an error in one line: our own message, or the type and text of a foreign one."""
    if isinstance(error, ReelworkError):
        return shown(mask(str(error.message)[:LONGEST_READ]))
    return describe(error)


def shortened(text: str) -> str:
    """Return a foreign text in one short line, without secrets."""
    # Masked before it is cut: half a secret can no longer be recognized. Megabytes would take long, though.
    return shown(mask(text[:LONGEST_READ]))


def _of_model(error: BaseException) -> str:
    """Return what is wrong with a model's values, without the addresses pydantic adds; empty for other errors."""
    if not type(error).__module__.startswith("pydantic_core"):
        return ""
    # Imported only where one was raised: commands that make no model start faster without it.
    from pydantic_core import ValidationError

    if not isinstance(error, ValidationError):
        return ""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    told = [": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in wrong[:MOST_WRONG]]
    more = [f"and {len(wrong) - MOST_WRONG} more"] if len(wrong) > MOST_WRONG else []
    return f"{error.title}: {'; '.join([*told, *more])}"


def _text_of(error: BaseException) -> str:
    try:
        return shortened(_of_model(error) or str(error))
    except BaseException as worse:
        # `str` runs the plugin's own `__str__`, which may raise anything. The error counts all the same.
        return f"its text cannot be read ({type(worse).__name__})"


# The engine acts on these. A plugin's `LeaseLost` would make it leave the job as if another process had it.
_ENGINES_OWN = (PluginFailed, StoreUnwritable, Declined, BudgetExceeded, Limited, LeaseLost, Unstorable)
"""Errors that only the engine may raise: from a plugin they count as a fault of the plugin."""


def of_the_contract(error: BaseException) -> ReelworkError | None:
    """Return a plugin's error with its values bounded; None when the contract gives it no meaning."""
    if not isinstance(error, ReelworkError) or isinstance(error, _ENGINES_OWN):
        return None
    for name in ("message", "money", "hint", "code", "remote_id"):
        # A class of its own may have been made without the contract's constructor.
        told = getattr(error, name, _text_of(error) if name == "message" else None)
        if told is not None:
            setattr(error, name, _bounded(told))
    if isinstance(error, NotSent | Unavailable):
        # The contract's constructor knows which pauses are valid: a NaN or a year would be waited for.
        error.retry_after = NotSent(retry_after=getattr(error, "retry_after", None)).retry_after
    return error


def _bounded(text: object) -> str:
    return str(text)[:LONGEST_READ]


class LedgerConflict(ReelworkError):
    """An effect is not in the state this change needs: nothing was changed."""


class IdTaken(LedgerConflict):
    """A conflict: the result named for an effect belongs to another effect. Nothing was changed."""

    def __init__(self, key: str, remote_id: str) -> None:
        super().__init__(f"{remote_id} belongs to another effect than {key}")
        self.key, self.remote_id = key, remote_id
