"""Signing in at LinkedIn, or at a simulator of it: as a person, or for a page.

https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from reelwork_hooks import (
    Answer,
    Context,
    Credentials,
    InvalidInput,
    OAuth,
    OutOfFunds,
    Problem,
    Rejected,
    Service,
    StoredAccount,
    Tokens,
    is_loopback,
    text_at,
)
from reelwork_plugins.publishers.linkedin.api import headers, refusal

API, PAGES = "https://api.linkedin.com", "https://www.linkedin.com"
PERSON, PAGE = "urn:li:person:", "urn:li:organization:"
PERSON_SCOPES = ("openid", "profile", "w_member_social")
# LinkedIn gives an app that may post for pages no other product, so none of a person's scopes.
PAGE_SCOPES = ("w_organization_social", "r_organization_social", "rw_organization_admin")
ROLES = ("ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "CONTENT_ADMIN")
"""The roles at a page with which a person may post for it."""
# LinkedIn takes the address only as it is registered, with its port.
REDIRECT = "http://localhost:8080/callback"


def service_in(given: Mapping[str, str]) -> str:
    """Return the address of a simulator that a person gave; empty for LinkedIn. Raises `InvalidInput`."""
    service = given.get("service", "").strip().rstrip("/")
    # The account's token goes there.
    if service and (not is_loopback(service) or not service.startswith(("http://", "https://"))):
        raise InvalidInput("service: give a simulator on this machine, since the account's token is sent there.")
    return service


def page_in(given: Mapping[str, str]) -> str:
    """Return the URN of the page to post for; empty for the person. Raises `InvalidInput`."""
    number = given.get("organization", "").strip().removeprefix(PAGE)
    if number and not (number.isascii() and number.isdecimal()):
        raise InvalidInput(
            "organization: give the page's number.",
            hint="It is in the address of its admin view: linkedin.com/company/NUMBER/admin",
        )
    return f"{PAGE}{number}" if number else ""


def oauth_of(given: Mapping[str, str]) -> OAuth:
    """Return the sign-in. Raises `InvalidInput`."""
    service, asked = service_in(given), given.get("redirect_uri", "").strip()
    if asked and (not is_loopback(asked) or urlsplit(asked).scheme != "http"):
        raise InvalidInput(
            f"redirect_uri: give an address of this machine, such as {REDIRECT}.",
            hint="It must be one of those that are registered for the app.",
        )
    return OAuth(
        authorize_url=f"{service or PAGES}/oauth/v2/authorization",
        token_url=f"{service or PAGES}/oauth/v2/accessToken",
        scopes=PAGE_SCOPES if page_in(given) else PERSON_SCOPES,
        client_auth="post",
        pkce="none",
        redirect="localhost",
        redirect_uri=asked or ("" if service else REDIRECT),
    )


async def who_signed_in(tokens: Tokens, context: Context) -> Credentials:
    """Return the person, or the page. Raises `InvalidInput` or `Unavailable`."""
    service, page = service_in(tokens.given), page_in(tokens.given)
    needed = PAGE_SCOPES if page else PERSON_SCOPES
    if missing := [one for one in needed if one not in tokens.scopes]:
        raise InvalidInput(
            f"linkedin: the app was not allowed {' and '.join(missing)}.",
            hint="Add the product to the app at linkedin.com/developers, and sign in again.",
        )
    signed = Service(context, [service or API], auth={"Authorization": f"Bearer {tokens.access}"})
    author, name = await _author(signed, service or API, page)
    shown = {"identifier": name or author, "author": author, **({"service": service} if service else {})}
    return Credentials(
        shown=shown,
        secret=tokens.secret(),
        identity=f"{service} linkedin {author}".strip(),
        expires_at=tokens.expires_at,
        scopes=tokens.scopes,
    )


async def _author(signed: Service, api: str, page: str) -> tuple[str, str]:
    """Return the URN and the name of whoever is to post. Raises `InvalidInput` or what `refusal` returns."""
    if not page:
        answer = await _asked(signed, f"{api}/v2/userinfo", "the question who signed in")
        if not answer.text_at("sub"):
            raise refusal(answer, "the question who signed in")
        return f"{PERSON}{answer.text_at('sub')}", answer.text_at("name")
    if not await _may_post(signed, api, page):
        raise InvalidInput(
            f"linkedin: you may not post for the page {page.removeprefix(PAGE)}.",
            hint="Ask for the role Super admin or Content admin at the page, and sign in again.",
        )
    found = await _asked(signed, f"{api}/rest/organizations/{page.removeprefix(PAGE)}", "the page's name")
    return page, found.text_at("localizedName")


async def _may_post(signed: Service, api: str, page: str) -> bool:
    asked = f"{api}/rest/organizationAcls?q=roleAssignee&state=APPROVED&count=100"
    answer = await _asked(signed, asked, "the question for which pages you may post")
    listed = answer.at("elements")
    roles = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if page in (text_at(one, "organization"), text_at(one, "organizationalTarget"))
    ]
    return any(text_at(one, "role") in ROLES for one in roles)


async def _asked(signed: Service, url: str, what: str) -> Answer:
    answer = await signed.request("GET", url, headers=headers())
    if not answer.ok or not answer.object:
        raise refusal(answer, what)
    return answer


def home_of(values: Mapping[str, str]) -> str:
    """Return the address below which posts are shown."""
    return values.get("service") or PAGES


def is_page(values: Mapping[str, str]) -> bool:
    """Return whether an account is a page's: of its posts there is a list."""
    return values.get("author", "").startswith(PAGE)


async def problems_of(account: StoredAccount, context: Context) -> list[Problem]:
    """Ask whether the account may post now. Raises `Unavailable`."""
    values = account.read()
    api, author = values.get("service") or API, values["author"]
    signed = Service(context, [api], account=account.name)
    again = f"Sign in again: reelwork accounts add linkedin --name {account.name} --replace"
    try:
        found, _ = await _author(signed, api, author if is_page(values) else "")
    except (InvalidInput, OutOfFunds, Rejected) as error:
        return [Problem(message=error.message, hint=error.hint or again)]
    return [] if found == author else [Problem(message="linkedin: the token is not this account's", hint=again)]
