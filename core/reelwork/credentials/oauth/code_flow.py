"""The code flow (RFC 6749, 4.1) with PKCE (RFC 7636): the address of the page, and the check of the answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from reelwork.credentials.oauth.token_endpoint import Client, check_address, words
from reelwork_hooks.accounts import OAuth
from reelwork_hooks.errors import InvalidInput

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect address that makes a network show the code instead."""
NOTHING_STORED = "Nothing was stored."


class SignInFailed(InvalidInput):
    """The answer to a sign-in cannot be used."""

    money = NOTHING_STORED


@dataclass(frozen=True)
class CodeFlow:
    """One sign-in, from the address of the page to the code."""

    oauth: OAuth
    client: Client
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def address(self) -> str:
        """The page on which the person allows it. Raises `InvalidInput` for one that is not https."""
        url = self.oauth.authorize_url
        check_address(url)
        asked = {
            **self.oauth.extra,
            "response_type": "code",
            self.client.client_id_name: self.client.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
        }
        if self.oauth.scopes:
            asked["scope"] = self.oauth.scope_separator.join(self.oauth.scopes)
        if self.oauth.pkce != "none":
            asked |= {"code_challenge": self._challenge(), "code_challenge_method": "S256"}
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"

    def _challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode())
        if self.oauth.pkce == "S256-hex":
            return digest.hexdigest()
        return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()

    def code_in(self, answer: Mapping[str, str]) -> str:
        """Return the code that the browser brought back. Raises `SignInFailed`."""
        # First of all: what does not carry our state may come from any page the person has open.
        if "state" not in answer:
            raise SignInFailed(
                "The answer has no `state`, which shows that it belongs to this sign-in, so it was not used.",
                hint="Start again, and paste the whole address, or the code alone.",
            )
        if not hmac.compare_digest(answer["state"].encode(), self.state.encode()):
            raise SignInFailed(
                "The answer in the browser belongs to another sign-in, so it was not used.",
                hint="Start again, and use the address that is shown then.",
            )
        if answer.get("error") == "access_denied":
            raise SignInFailed("The sign-in was declined in the browser.", hint="Start again to allow it.")
        if answer.get("error"):
            raise SignInFailed(f"{urlsplit(self.oauth.authorize_url).netloc} answered {words(answer)}.")
        if not answer.get("code"):
            raise SignInFailed("The answer in the browser has no code.", hint="Start again.")
        return answer["code"]

    def code_pasted(self, text: str) -> str:
        """Return the code in what a person pasted: the code, or the address that the browser ended at.

        Raises `SignInFailed`.
        """
        text = text.strip()
        if "code=" in text or "error=" in text:
            query = urlsplit(text).query or text.rpartition("?")[2]
            return self.code_in(dict(parse_qsl(query)))
        if not text or not text.isprintable() or " " in text:
            raise SignInFailed("What was pasted is neither a code nor an address with one.", hint="Start again.")
        return text

    def form(self, code: str) -> dict[str, str]:
        """Return the form that turns the code into tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return form if self.oauth.pkce == "none" else {**form, "code_verifier": self.verifier}
