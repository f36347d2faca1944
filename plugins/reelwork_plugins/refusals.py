"""Tells refusals apart by their words: missing money, what exists already, and gateways that try again.

Every server and gateway uses codes and statuses differently. Their words are what a person would go by.
"""

from __future__ import annotations

import re

from reelwork_hooks import HttpResponse

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


def comes_from_repeater(response: HttpResponse, known: bool) -> bool:
    """Return whether a 429 comes from a gateway that may have tried more than once. `known`: its dialect is one."""
    headers = response.headers
    if any(name in headers for name in ("x-oneapi-request-id", "x-new-api-version")):
        return True
    if known or any(name in headers for name in _REPEATER_HEADERS):
        # LiteLLM sends `Retry-After` with limits of its own, which come before the first try, and never passes on
        # the provider's.
        return "retry-after" not in headers or bool(_UPSTREAM.search(response.text))
    return bool(re.search(r"(?i)provider returned error|\"provider_name\"", response.text))
