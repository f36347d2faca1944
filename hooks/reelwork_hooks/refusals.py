"""Tells what a refusal means for money and posts: by a service's own table, and by the words that all of them use.

Every server and gateway uses codes and statuses differently. Their words are what a person would go by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reelwork_hooks.answers import Answer
from reelwork_hooks.errors import (
    AlreadyThere,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Rejected,
    Unavailable,
)
from reelwork_hooks.http import HttpResponse

# `duplicate field` is about the form of the request. It says nothing about an earlier one.
_EXISTS = re.compile(
    r"""(?ix) already[ _-]? (?: exist | submitted | created | accepted | been [ ] (?: submitted | created | used ) )
      | duplicat (?: e | ed | ion ) \b (?! [ _-]? (?: field | param | argument | header | key [ ] in ) )
      | \b exists [ ] already \b | 已存在 | 重复"""
)
_KEY_SEEN = re.compile(r"(?i)idempoten")
# Among them Kling's 1101 (arrears) and 1102 (the pack is used up), both with a 429, and DashScope's Arrearage.
_NO_FUNDS_CODES = frozenset(
    {
        "1008", "1101", "1102", "1113", "accountoverdueerror", "arrearage", "billing_hard_limit_reached",
        "billing_not_active", "budget_exceeded", "exceeded_current_quota_error", "exceededbudget",
        "insufficient_balance", "insufficient_balance_error", "insufficient_credits", "insufficient_funds",
        "insufficient_quota", "insufficient_user_quota", "payment_required", "pre_consume_token_quota_failed",
        "quota_not_enough", "quotaexceeded",
    }
)  # fmt: skip
_NO_FUNDS = re.compile(
    r"""(?ix) \b (?: balance | arrears | arrearage | overdue | credits? | quota | billing | top[ -]?up | recharge
      | insufficient [ _]funds | payment [ ] required | budget [ ] has [ ] been [ ] exceeded ) \b
      | 余额 | 欠费 | 额度"""
)
_PER_MOMENT = re.compile(
    r"""(?ix) per [ -]? (?: min | sec | hour ) | \b (?: rpm | tpm | qps | rps ) \b | / \s? (?: min | sec | s \b )
      | concurren | parallel | rate [ -]? limit | throttl | too [ ] many [ ] requests"""
)
# one-api and its descendants repeat after a 429 or 5xx (new-api: as often as its operator set), and so does
# LiteLLM, which counts its tries in answers of success only. So a 429 does not show that the tries before it were
# refused, too.
_REPEATER_HEADERS = ("x-oneapi-request-id", "x-new-api-version", "x-litellm-call-id", "x-litellm-version")
"""Headers of gateways that try a create again, elsewhere if need be, before they answer 429."""
_UPSTREAM = re.compile(r"(?i)\b[a-z]+Exception\b|provider returned error|\"provider_name\"")
"""The forms in which gateways quote the server behind them."""


def says_exists(status: int, code: str, message: str) -> bool:
    """Return whether a refusal means that the request, or its key, was seen before."""
    words = f"{code.replace('_', ' ')} {message}"
    return bool(_EXISTS.search(words)) or (status in (409, 422) and bool(_KEY_SEEN.search(words)))


def says_no_funds(status: int, code: str, message: str) -> bool:
    """Return whether a refusal means that there is no money or quota left, which waiting does not bring back."""
    if status == 402:
        return True
    if status not in (400, 403, 429):
        return False
    if code.lower() in _NO_FUNDS_CODES:
        return True
    # A quota per minute does come back: it is a rate limit in other words.
    return bool(_NO_FUNDS.search(message)) and not _PER_MOMENT.search(message)


def comes_from_repeater(response: HttpResponse | Answer, known: bool = False) -> bool:
    """Return whether a 429 comes from a gateway that may have tried more than once. `known`: its dialect is one."""
    headers = response.headers
    if any(name in headers for name in ("x-oneapi-request-id", "x-new-api-version")):
        return True
    if known or any(name in headers for name in _REPEATER_HEADERS):
        # LiteLLM sends `Retry-After` with limits of its own, which come before the first try, and never passes on
        # the provider's.
        return "retry-after" not in headers or bool(_UPSTREAM.search(response.text))
    return bool(re.search(r"(?i)provider returned error|\"provider_name\"", response.text))


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of one code or status of a service: a line in a table of `Refusals`."""

    kind: Literal["wait", "funds", "lasting", "rejected", "exists", "unknown"]
    """`wait`: nothing was taken, and it may be sent again; `funds`: nothing was taken for want of money or quota;
    `lasting`: nothing was taken, and waiting does not help, as with a key; `rejected`: refused for what was asked;
    `exists`: it is there already; `unknown`: it proves nothing."""
    words: str = ""
    """What a person should read after the service's own words."""
    hint: str = ""
    """What to do next."""
    seconds: float | None = None
    """With `wait`: the pause when the service asks for none."""


_UNKNOWN, _REJECTED = Meaning("unknown"), Meaning("rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """A service's answers that are no success, and what they mean for money and posts.

    Declare what is the service's own, by its codes and statuses. The rest is the same everywhere, and judged with
    the most at stake first: what is said to exist, or is named, was carried out. A 408, a 5xx and a redirect come
    after a request was passed on. A gateway's 429 may follow an earlier try that was accepted. What is left of the
    4xx, except 409, 425 and 499, was refused without work.
    """

    codes: Mapping[str, Meaning] = field(default_factory=dict)
    """What the service's own codes mean, as `Answer.code` reads them."""
    statuses: Mapping[int, Meaning] = field(default_factory=dict)
    """What a status means at this service, where no code says more."""
    no_funds: Meaning | None = Meaning(
        "funds", "the account has no money or quota left", "Top it up, then resume the job."
    )
    """What it means that the service's words are about money or a quota. None: it charges for nothing."""
    pause: float | None = None
    """Seconds to wait after a 429 that asks for no pause."""
    money: str = ""
    """What a refusal means for money or posts; empty for what Reelwork says by default."""

    def of(
        self, answer: Answer, said: str, *, code: str | None = None, remote_id: str = "", named: bool = False
    ) -> ReelworkError:
        """Return the error to raise for the answer to a write that costs money or posts.

        `said` is what happened, such as `lens answered 422 (bad_prompt)`. `code`: another than `answer.code`.
        `remote_id` is the id that the answer names, and `named` tells that it names something.
        """
        code = answer.code if code is None else code
        meaning = self._meaning(answer, code, named or bool(remote_id))
        told = f"{said}: {meaning.words}" if meaning.words else said
        match meaning.kind:
            case "exists":
                return AlreadyThere(told, remote_id=remote_id, hint=meaning.hint)
            case "unknown":
                return OutcomeUnknown(told, hint=meaning.hint)
            case "funds":
                return OutOfFunds(told, money=self.money, hint=meaning.hint)
            case "wait":
                asked = answer.retry_after
                wait = meaning.seconds if asked is None else asked
                return NotSent(told, retry_after=wait, money=self.money, hint=meaning.hint)
            case "lasting":
                return NotSent(told, lasting=True, money=self.money, hint=meaning.hint)
        return Rejected(told, code=code or str(answer.status), money=self.money, hint=meaning.hint)

    # Nothing is paid or posted by such a call, so what is unclear may simply be asked again.
    def of_repeatable(self, answer: Answer, said: str, *, code: str | None = None) -> ReelworkError:
        """Return the error to raise for a read, or for a write in `prepare` that may be repeated.

        What may succeed later is `Unavailable`, what needs a person `OutOfFunds` or `InvalidInput`, and what was
        refused for what was asked `Rejected`.
        """
        error = self.of(answer, said, code=code)
        if isinstance(error, NotSent) and error.lasting:
            return InvalidInput(error.message, money=self.money, hint=error.hint)
        if isinstance(error, OutOfFunds | Rejected):
            return error
        wait = error.retry_after if isinstance(error, NotSent) else answer.retry_after
        return Unavailable(error.message, retry_after=wait, money=self.money, hint=error.hint)

    def _meaning(self, answer: Answer, code: str, named: bool) -> Meaning:
        status, message = answer.status, answer.message
        own = self.codes.get(code)
        if own is not None and own.kind in ("exists", "unknown"):
            return own
        # The order is by how much is at stake: what is said to exist, or is named, was started.
        if not answer.ok and says_exists(status, code, message):
            return Meaning("exists")
        if named or status < 400 or (status == 429 and comes_from_repeater(answer)):
            return _UNKNOWN
        # Nor does a code make a status a refusal that comes after a request was passed on.
        if status in (408, 409) or status >= 500:
            return _UNKNOWN
        if own is not None:
            return own
        if self.no_funds is not None and says_no_funds(status, code, message):
            return self.no_funds
        if status == 429:
            return Meaning("wait", "too many requests", seconds=self.pause)
        return self.statuses.get(status, _REJECTED if answer.refused else _UNKNOWN)
