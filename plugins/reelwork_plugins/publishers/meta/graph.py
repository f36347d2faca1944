"""Calls of Meta's Graph API, and the meaning of its refusals.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwork_hooks import (
    Answer,
    Context,
    Meaning,
    NotSent,
    OutcomeUnknown,
    ReelworkError,
    Refusals,
    Service,
)

NOTHING_POSTED = "Nothing was posted; the video is kept."
EXPIRED = "2207020"
"""The container is older than a day."""
NOT_THERE = ("100.33", "24")
"""The codes for an object that is not there, or that this account may not see."""
_UNCLEAR = Meaning("unknown")
_TOO_FAST = Meaning("wait", seconds=300.0)
_USED_UP = Meaning("funds", "today's posts are used up", "Resume the job tomorrow.")


def _refusals(network: str, more: Mapping[str, Meaning]) -> Refusals:
    again = f"Sign in again: reelwork accounts add {network} --replace"
    token = Meaning("lasting", "the token is not accepted", again)
    scope = Meaning("lasting", "the account did not allow this", f"{again}, and allow everything it asks for.")
    person = f"Open {network.capitalize()} as this account, do what it asks for, then: reelwork jobs retry"
    return Refusals(
        codes={
            **dict.fromkeys(("190", "102"), token),
            **dict.fromkeys(("3", "10", "200"), scope),
            **dict.fromkeys(("4", "17", "32", "613", "80002"), _TOO_FAST),
            **dict.fromkeys(("9", "2207042"), _USED_UP),
            "2207027": Meaning("wait", "the container is not ready", seconds=30.0),
            EXPIRED: Meaning("wait", "the container has expired", seconds=1.0),
            "2207050": Meaning("lasting", "the account is restricted", person),
            "2207051": Meaning("lasting", "the network takes it for spam", person),
            # Meta's own trouble. It has been seen to make the post all the same.
            **dict.fromkeys(("-1", "-2", "1", "2", "24"), _UNCLEAR),
            **more,
        },
        no_funds=None,
        pause=300.0,
        money=NOTHING_POSTED,
    )


class Graph(Service):
    """The API of one network, signed in with an account; `more` are the codes that are the network's own."""

    def __init__(
        self, context: Context, network: str, base_url: str, account: str, more: Mapping[str, Meaning] | None = None
    ) -> None:
        super().__init__(context, [base_url], account=account)
        self.network, self.base_url = network, base_url
        self._refusals = _refusals(network, more or {})

    async def read(self, path: str, what: str, **params: str | int) -> Answer:
        """Read an object. Raises what `refusal` returns."""
        answer = await self.get(f"{self.base_url}/{path}", params)
        if not answer.ok or not answer.object:
            raise self.refusal(answer, what)
        return answer

    async def write(self, path: str, form: Mapping[str, str], *, repeatable: bool = False) -> Answer:
        """Send a form. Raises what `Service.request` raises."""
        return await self.request("POST", f"{self.base_url}/{path}", data=dict(form), repeatable=repeatable)

    def refusal(self, answer: Answer, what: str) -> ReelworkError:
        """Return the error for an answer that is no success, to a call that posts nothing."""
        return self._refusals.of_repeatable(answer, self._said(answer, what), code=self._known(answer))

    def unposted(self, answer: Answer, what: str) -> ReelworkError:
        """Return the error for an answer that is no success, to the call that posts."""
        said, code = self._said(answer, what), self._known(answer)
        # Only what is documented as a refusal is taken for one: the container tells what became of the rest.
        if code not in self._refusals.codes and not (answer.refused and code == "100"):
            return OutcomeUnknown(said)
        if code == EXPIRED and answer.refused:
            return NotSent(said, prepare_again=True, money=NOTHING_POSTED)
        return self._refusals.of(answer, said, code=code)

    def _known(self, answer: Answer) -> str:
        """Return the code that the table knows: the subcode says more, where it is known."""
        code, sub = codes_of(answer)
        return sub if sub in self._refusals.codes else code

    def _said(self, answer: Answer, what: str) -> str:
        code, sub = codes_of(answer)
        shown = f"{code}.{sub}" if sub else code
        words = answer.text_at("error", "error_user_msg") or answer.text_at("error", "message")
        told = f"{answer.status} ({shown}): {' '.join(words.split())}".rstrip(". ") if code else answer.words
        return f"{self.network}: {what} was answered {told}"


def codes_of(answer: Answer) -> tuple[str, str]:
    """Return the code and the subcode of an error, each empty where there is none."""
    code, sub = _number(answer.at("error", "code")), _number(answer.at("error", "error_subcode"))
    return code, sub


def is_missing(answer: Answer) -> bool:
    """Return whether an error says that an object is not there."""
    code, sub = codes_of(answer)
    return answer.refused and (f"{code}.{sub}" in NOT_THERE or code in NOT_THERE)


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
