"""Signing in to a service with a plugin, so that only an account that works is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import naming_account
from reelwork.credentials.in_keyring import NOTHING_KEPT
from reelwork.credentials.oauth import device_flow
from reelwork.credentials.oauth.code_flow import NOTHING_STORED, OUT_OF_BAND, CodeFlow, SignInFailed
from reelwork.credentials.oauth.token_endpoint import (
    AnswerLost,
    Client,
    Refused,
    granted,
    secrets_in,
    tokens_of,
)
from reelwork.errors import PluginFailed
from reelwork.net.client import Http
from reelwork.net.loopback import Listener
from reelwork.plugins.account_kinds import Kind, kind_named
from reelwork.plugins.context import PluginContext
from reelwork.plugins.guard import within
from reelwork.process_output import protect
from reelwork.redaction.redactor import Redactor
from reelwork.settings.paths import here
from reelwork.studio.redirect import redirect_of
from reelwork_hooks.accounts import AccountField, Credentials, OAuth, Tokens
from reelwork_hooks.errors import InvalidInput, ReelworkError, Unavailable

LONGEST_CALL = 300.0
"""Seconds for one call of the plugin."""
SIGN_IN_SECONDS = 300.0
"""Seconds a person is given in the browser."""
LEGACY = (
    AccountField("identifier", "Identifier", help="Your name there."),
    AccountField("password", "Password (not shown)", secret=True),
    AccountField("service", "Service", required=False),
)
"""What a plugin with `sign_in` and no `account_fields` is given."""


class Person(Protocol):
    """The one who signs in."""

    @property
    def has_browser(self) -> bool:
        """True if a browser on this machine can bring the answer back."""
        ...

    def visit(self, address: str) -> None:
        """Show the page on which to allow it, and open it if there is a browser."""
        ...

    def paste(self) -> str:
        """Return the code that the page shows in the end, or the address that the browser ended at."""
        ...

    def type_code(self, address: str, code: str) -> None:
        """Show a code, and where to type it."""
        ...


def kind_of_account(name: str) -> Kind:
    """Return the plugin that makes accounts of a kind. Raises `InvalidInput` for one that has no accounts."""
    kind = Kind(kind_named(name))
    if kind.method("sign_in") is None and kind.method("oauth") is None:
        raise InvalidInput(
            f"The plugin {name!r} has no accounts to add.",
            money=NOTHING_KEPT,
            hint="Those that need one say so: reelwork plugins show NAME",
        )
    return kind


def fields_of(kind: Kind) -> tuple[AccountField, ...]:
    """Return what is asked for before a sign-in."""
    declared = kind.method("account_fields") or ()
    return tuple(declared) if declared or kind.method("oauth") is not None else LEGACY


@asynccontextmanager
async def context_of(kind: Kind, work_dir: Path, secrets: Iterable[str] = ()) -> AsyncIterator[PluginContext]:
    """Make the context in which a plugin signs in or checks an account, with its secrets masked."""
    redactor = Redactor()
    # Before the first request, whose errors may quote them.
    for secret in secrets:
        redactor.add(secret)
    protect(redactor)
    http = Http(redactor=redactor)
    try:
        yield PluginContext(
            kind.definition.name,
            work_dir=work_dir,
            output_dir=here(),
            base_dir=here(),
            http_factory=http.trusting,
            redactor=redactor,
            accounts=Accounts(redactor=redactor),
        )
    finally:
        await http.aclose()


async def signed_in(
    kind: Kind, given: Mapping[str, str], person: Person, work_dir: Path, *, seconds: float = SIGN_IN_SECONDS
) -> tuple[Credentials, ...]:
    """Sign in with what a person gave, its secrets masked wherever they are shown. Raises `ReelworkError`."""
    secret = {field.name for field in fields_of(kind) if field.secret}
    async with context_of(kind, work_dir, (given[name] for name in secret if name in given)) as context:
        if kind.method("oauth") is not None:
            return await _ByOAuth(kind, given, person, context, seconds).signed_in()
        work = kind.method("sign_in")(given, context)
        return _credentials(kind, "sign_in", await within(kind.callee, "sign_in", work, LONGEST_CALL))


async def adding(name: str, signing_in: Awaitable[tuple[Credentials, ...]]) -> tuple[Credentials, ...]:
    """Wait for the sign-in of an account that is to be stored under a name; its errors say that none was."""
    try:
        return await signing_in
    except PluginFailed:
        raise
    except ReelworkError as error:
        # The words of a plugin are about a post, and their command is the one that was given just now.
        error.money = NOTHING_STORED
        error.hint = naming_account(error.hint, name, adds=True)
        if isinstance(error, Unavailable) and not error.hint:
            error.hint = "Check the address and the network, then start again."
        raise


def _credentials(kind: Kind, call: str, answer: Any) -> tuple[Credentials, ...]:
    found = answer if isinstance(answer, tuple | list) else (answer,)
    if not found or not all(isinstance(one, Credentials) for one in found):
        wrong = next((type(one).__name__ for one in found if not isinstance(one, Credentials)), "nothing")
        raise kind.callee.failed(call, f"returned {wrong}; it must return Credentials")
    return tuple(found)


@dataclass(frozen=True)
class _ByOAuth:
    kind: Kind
    given: Mapping[str, str]
    person: Person
    context: PluginContext
    seconds: float

    async def signed_in(self) -> tuple[Credentials, ...]:
        """Ask the person to allow it, and the plugin who they are."""
        async with Listener() as listener:
            oauth = await self._oauth(listener)
            client = Client.of(oauth, self.given)
            if not client.client_id:
                raise self.kind.callee.failed("oauth", "has no client_id, and no account field gives one")
            self.context.mask(client.client_secret)
            if oauth.device_url and not (self.person.has_browser and oauth.authorize_url):
                body = await self._by_device(oauth, client)
            else:
                body = await self._by_code(oauth, client, listener)
        for secret in secrets_in(body):
            self.context.mask(secret)
        tokens = tokens_of(body, client, self.given, self.context.now(), oauth.scopes)
        work = self.kind.method("signed_in")(tokens, self.context)
        answer = await within(self.kind.callee, "signed_in", work, LONGEST_CALL)
        return tuple(self._completed(one, tokens) for one in _credentials(self.kind, "signed_in", answer))

    async def _oauth(self, listener: Listener) -> OAuth:
        declared = self.kind.method("oauth")
        if isinstance(declared, OAuth):
            return declared
        redirect_uri = listener.address() if self.person.has_browser else OUT_OF_BAND
        work = declared(self.given, redirect_uri, self.context)
        answer: Any = await within(self.kind.callee, "oauth", work, LONGEST_CALL)
        if not isinstance(answer, OAuth):
            raise self.kind.callee.failed("oauth", f"returned {type(answer).__name__}; it must return OAuth")
        return answer

    async def _by_device(self, oauth: OAuth, client: Client) -> Mapping[str, Any]:
        device = await device_flow.start(oauth, client, self.context)
        self.context.mask(device.code)
        self.person.type_code(device.address, device.user_code)
        return await device_flow.wait(device, client, self.context, self.seconds)

    async def _by_code(self, oauth: OAuth, client: Client, listener: Listener) -> Mapping[str, Any]:
        async with redirect_of(oauth, listener) as (redirect_uri, listening):
            flow = CodeFlow(oauth, client, redirect_uri)
            self.context.mask(flow.verifier)
            self.person.visit(flow.address)
            if listening is not None and self.person.has_browser:
                code = await self._brought(flow, listening)
            else:
                code = flow.code_pasted(self.person.paste())
        self.context.mask(code)
        try:
            return granted(await client.ask(self.context, flow.form(code)), client.token_url)
        except Refused as error:
            raise SignInFailed(error.message) from error
        except AnswerLost as error:
            raise Unavailable(
                f"The sign-in got no answer: {error.message}", money=NOTHING_KEPT, hint="Start again."
            ) from error

    async def _brought(self, flow: CodeFlow, listener: Listener) -> str:
        def problem(answer: Mapping[str, str]) -> str:
            try:
                flow.code_in(answer)
            except SignInFailed as error:
                return error.message
            return ""

        try:
            return flow.code_in(await listener.answer(self.seconds, problem))
        except TimeoutError:
            raise SignInFailed(
                f"No answer came from the browser within {self.seconds:g} s.",
                hint="Start again. If the browser is on another machine: --no-browser",
            ) from None

    def _completed(self, credentials: Credentials, tokens: Tokens) -> Credentials:
        """Return the credentials with what the plugin left out, and the tokens say."""
        if not credentials.identity:
            problem = "returned Credentials without an identity; destinations are known by it"
            raise self.kind.callee.failed("signed_in", problem)
        if tokens.access not in credentials.secret.values():
            return credentials
        ends = credentials.expires_at or tokens.expires_at
        return replace(credentials, expires_at=ends, scopes=credentials.scopes or tokens.scopes)
