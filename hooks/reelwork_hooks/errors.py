"""Every error Reelwork raises is one of these, or a subclass that the engine adds.

::

    ReelworkError                 something a person can act on
    ├── InvalidInput              what was asked cannot be done as written
    │   ├── SecretNotFound        a secret reference leads nowhere
    │   └── PluginInvalid         a plugin breaks the contract
    ├── NotSent                   proof that nothing left: safe to send again
    │   └── OutOfFunds            refused for want of money or quota: held until a person acts
    ├── Rejected                  the other side refused and did no work: final
    ├── OutcomeUnknown            it may or may not have happened: never sent again blindly
    │   └── AlreadyThere          refused because it exists: it is looked up
    └── Unavailable               a read failed: try again later
        └── Expired               what was to be read is gone for good

A plugin raises `NotSent`, `Rejected`, `OutcomeUnknown` and `Unavailable` to tell the ledger what it knows.
Any other exception out of `publish` or `submit` means the same as `OutcomeUnknown`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ReelworkError(Exception):
    """Something went wrong that a person can act on.

    `message` says what happened and where. `money` says what it means for money and posts, `hint` what to
    do next; both may be empty. None of them may hold a secret.
    """

    money: str = ""
    hint: str = ""

    def __init__(self, message: str = "", *, money: str = "", hint: str = "") -> None:
        # `raise Rejected()` in a plugin must still tell a person something.
        self.message = message or (type(self).__doc__ or type(self).__name__).splitlines()[0]
        self.money = money or type(self).money
        self.hint = hint or type(self).hint
        super().__init__(self.message)

    def explained(self) -> str:
        """Return the message, what it means for money and posts, and the next step, a line each."""
        return "\n".join(part for part in (self.message, self.money, self.hint) if part)


class InvalidInput(ReelworkError):
    """The request cannot be carried out as written."""

    money = "Nothing was sent, nothing was spent."


class SecretNotFound(InvalidInput):
    """A secret reference leads nowhere."""


class PluginInvalid(InvalidInput):
    """A plugin breaks the contract."""


class NotSent(ReelworkError):
    """Nothing left this machine, or it was turned away before any work: it may be sent again.

    A plugin raises it for answers that prove this; Reelwork's HTTP client raises it where no request left.

    `retry_after` is the number of seconds the other side asked us to wait. Anything else, such as a date from a
    header, counts as not given. `lasting`: waiting does not help, as with a wrong address or a key that cannot be
    sent. The job then fails at once, with nothing sent. `prepare_again`: what was prepared can no longer be used,
    such as an upload that has expired, and is prepared again.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        lasting: bool = False,
        prepare_again: bool = False,
        money: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, money=money, hint=hint)
        self.retry_after = _seconds(retry_after)
        self.lasting = lasting
        self.prepare_again = prepare_again


# A kind of `NotSent`: nothing was accepted here either, so no doubt is left.
class OutOfFunds(NotSent):
    """The account has no money, credits or daily quota left: waiting a little will not help.

    The job is held at once. Resume it when the account has been topped up.
    """


class Rejected(ReelworkError):
    """The other side refused and did no work: asking again with the same words will not help.

    `code` is the other side's own word for it, such as `moderation_blocked`.
    """

    def __init__(self, message: str = "", *, code: str = "", money: str = "", hint: str = "") -> None:
        super().__init__(message, money=money, hint=hint)
        self.code = code


class OutcomeUnknown(ReelworkError):
    """The request left and no clear answer came back: it may have been carried out."""


# A kind of unknown, not of success: what exists may belong to another effect, so it is looked up.
class AlreadyThere(OutcomeUnknown):
    """The other side says that it exists already: it happened before, for this effect or for another.

    `remote_id` is the id it is said to have, or empty.
    """

    def __init__(self, message: str = "", *, remote_id: str = "", money: str = "", hint: str = "") -> None:
        super().__init__(message, money=money, hint=hint)
        self.remote_id = remote_id


class Unavailable(ReelworkError):
    """A read failed for now: a later one may succeed.

    `retry_after` is the number of seconds the other side asked us to wait. Anything else, such as a date from a
    header, counts as not given.
    """

    def __init__(
        self, message: str = "", *, retry_after: float | None = None, money: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, money=money, hint=hint)
        self.retry_after = _seconds(retry_after)


# A kind of `Unavailable`: servers also say it of a video that is there a moment later. The engine believes it only
# after the provider's `gone_after` seconds.
class Expired(Unavailable):
    """The content to be read is gone for good, such as a video whose link has expired."""


@contextmanager
def errors_as(
    kind: type[NotSent | Rejected | Unavailable | OutcomeUnknown],
    of: type[Exception] | tuple[type[Exception], ...] = ReelworkError,
    *,
    lead: str = "",
    **details: Any,
) -> Iterator[None]:
    """Raise errors that come up inside as another kind: `with errors_as(NotSent, lasting=True): …`.

    Use it where the plugin knows more than what raised: nothing has left yet (`NotSent`), the step may be repeated
    (`Unavailable`), or an earlier attempt may have arrived (`OutcomeUnknown`). Message, hint and a pause that was
    asked for are kept; `lead` goes before the message, and `details` to the new error. Errors that are of this kind
    already pass unchanged, as do those that are not in `of`.
    """
    try:
        yield
    except kind:
        raise
    except of as error:
        message, hint = (error.message, error.hint) if isinstance(error, ReelworkError) else (str(error), "")
        asked = getattr(error, "retry_after", None)
        if asked is not None and issubclass(kind, NotSent | Unavailable):
            details = {"retry_after": asked, **details}
        raise kind(f"{lead}{message}", **{"hint": hint, **details}) from error


def _seconds(value: object) -> float | None:
    # A wait that never ends, or an error while an error is being made, would cost the effect its next step.
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
