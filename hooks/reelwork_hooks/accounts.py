"""Accounts at other services: what is asked for, how OAuth is to go, and what is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

_CHOICES = {
    "pkce": ("S256", "S256-hex", "none"),
    "client_auth": ("none", "post", "basic"),
    "redirect": ("loopback", "localhost", "paste"),
}


@dataclass(frozen=True, slots=True)
class AccountField:
    """A value that `reelwork accounts add` asks for before it signs in."""

    name: str
    """Its key in what the plugin is given, such as `instance`; also in `--field NAME=VALUE`."""
    title: str = ""
    """Its name for people; by default made of `name`."""
    secret: bool = False
    """True if nobody may see it: it is not shown when typed, and on the command line only taken by reference."""
    required: bool = True
    """False if it may be left empty."""
    default: str = ""
    """The value when nothing is given."""
    help: str = ""
    """Where to find it, a sentence."""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"{self.name!r} cannot be the name of a field: use letters, digits and underscores")
        if self.secret and self.default:
            raise ValueError(f"the field {self.name!r} is secret, so it has no default")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """The OAuth 2 sign-in of a network. Reelwork opens the browser, checks the answer, and stores the tokens."""

    authorize_url: str = ""
    """The page on which the person allows it. Empty where there is only `device_url`."""
    token_url: str
    """Gives out tokens, and refreshes them."""
    device_url: str = ""
    """Gives out codes for machines without a browser (RFC 8628), where the network has it."""
    scopes: tuple[str, ...] = ()
    """What Reelwork may do there."""
    scope_separator: str = " "
    """A comma at some networks."""
    client_id: str = ""
    """By default the account field `client_id`."""
    client_id_name: str = "client_id"
    """The parameter's name; `client_key` at some networks."""
    client_secret: str = field(default="", repr=False)
    """By default the account field `client_secret`, if there is one."""
    client_auth: Literal["none", "post", "basic"] = "none"
    """How the client proves itself: not at all, by parameters in the body, or by HTTP Basic."""
    pkce: Literal["S256", "S256-hex", "none"] = "S256"
    """The form of the code challenge. `S256-hex` is written in hex, not base64."""
    redirect: Literal["loopback", "localhost", "paste"] = "loopback"
    """How the answer comes back: to `http://127.0.0.1:PORT/`, to `http://localhost:PORT/`, or as a code that the
    person pastes."""
    redirect_uri: str = ""
    """The address where the network wants exactly one. By default a free port, or, with `paste`,
    `urn:ietf:wg:oauth:2.0:oob`."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """More parameters of the page, such as `access_type`."""

    def __post_init__(self) -> None:
        if not self.authorize_url and not self.device_url:
            raise ValueError("OAuth needs an authorize_url, or a device_url")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens that a network answered to the sign-in."""

    access: str = field(repr=False)
    """The access token."""
    refresh: str = field(default="", repr=False)
    """The refresh token; empty when there is none."""
    expires_at: datetime | None = None
    """When the access token ends, if the network said so."""
    scopes: tuple[str, ...] = ()
    """What was allowed, which may be less than was asked for."""
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The values of the account fields."""
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole answer."""
    client: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it takes to refresh: `token_url`, `client_id` and so on."""

    def secret(self) -> dict[str, str]:
        """Return what `Credentials.secret` must hold so that Reelwork can refresh the tokens.

        `access_token`, `refresh_token`, and what `client` holds.
        """
        tokens = {"access_token": self.access, "refresh_token": self.refresh}
        return {name: value for name, value in {**tokens, **self.client}.items() if value}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of an account: a part that anyone may see, and a secret part."""

    shown: Mapping[str, str]
    """Such as the service and the name at it. `reelwork accounts list` prints it."""
    # Without `repr=False` an error or a log record that shows the value would print the password.
    secret: Mapping[str, str] = field(repr=False)
    """Such as passwords and tokens. Never printed."""
    # By the identity, destinations and effects are known. A handle can be given to somebody else.
    identity: str = ""
    """Who it is at the network, by what never changes there, such as an account's id with its server."""
    expires_at: datetime | None = None
    """When the token ends. It is refreshed before."""
    refresh_from: datetime | None = None
    """When to refresh the token from; by default shortly before it ends."""
    scopes: tuple[str, ...] = ()
    """What was allowed."""


class Account(Protocol):
    """The credentials of one account that `reelwork accounts add` has stored on this machine."""

    @property
    def name(self) -> str:
        """The name a person gives the account. A plugin's setting `account` refers to it by this name."""
        ...

    @property
    def kind(self) -> str:
        """The plugin that made it, such as `bluesky`."""
        ...

    def read(self) -> Mapping[str, str]:
        """Return all stored values, shown and secret. They are read again each time. Raises `InvalidInput`."""
        ...

    # Many services take a refresh token once and answer with the next one. Two processes that use the same one
    # would sign the account out, and a new one that is not stored before the lock is free is lost in a crash.
    async def refresh(
        self, change: Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]]
    ) -> Mapping[str, str]:
        """Change the stored values, one process at a time, and return them.

        `change` is called while the account's lock is held, with the values stored then. When their token is no
        longer the one that had expired, another process was faster: `change` returns what it was given. What it
        returns is stored before the lock is released. Raises `Unavailable` when the lock could not be acquired.
        """
        ...


class StoredAccount(Account, Protocol):
    """An account as `context.account` returns it."""

    @property
    def identity(self) -> str:
        """Who it is at the network, as `signed_in` said."""
        ...

    async def fresh(self, *, refused: str = "") -> Mapping[str, str]:
        """Return all stored values with a token that is valid for a while, refreshed if need be.

        Reelwork calls it before each hook, so `read` is enough there. In a long upload, or when the network no
        longer accepts a token, call it with that token as `refused`: it is refreshed only once, however many ask.
        Raises `Unavailable`, or `InvalidInput` when a person has to sign in again.
        """
        ...
