"""Accounts of `linkedin`: people and pages, what was allowed, and whether a first post would fail."""

from __future__ import annotations

import asyncio

import pytest
from tests.plugins.publishers.linkedin.conftest import ME, OUR_PAGE, Bench, account

from reelwork_hooks import InvalidInput, Tokens
from reelwork_plugins.publishers.linkedin import Linkedin
from reelwork_plugins.publishers.linkedin.sign_in import PAGE_SCOPES, PERSON_SCOPES
from reelwork_plugins.simulator.networks.linkedin.rules import PAGE_NAME, PAGE_NUMBER
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token


def signed(bench: Bench, scopes: tuple[str, ...], **given: str) -> Tokens:
    access = Token("linkedin", ANYONE, scopes).written()
    return Tokens(access=access, given={"service": bench.network.url, **given}, scopes=scopes)


def test_a_person_is_known_by_what_never_changes(bench: Bench) -> None:
    [found] = asyncio.run(Linkedin.signed_in(signed(bench, PERSON_SCOPES), bench.context))
    assert (found.shown["author"], found.shown["identifier"]) == (ME, ANYONE)
    assert found.identity == f"{bench.network.url} linkedin {ME}"
    with pytest.raises(InvalidInput, match="was not allowed w_member_social"):
        asyncio.run(Linkedin.signed_in(signed(bench, ("openid", "profile")), bench.context))


def test_a_page_is_an_account_of_its_own(bench: Bench) -> None:
    tokens = signed(bench, PAGE_SCOPES, organization=PAGE_NUMBER)
    [found] = asyncio.run(Linkedin.signed_in(tokens, bench.context))
    assert (found.shown["author"], found.shown["identifier"]) == (OUR_PAGE, PAGE_NAME)
    with pytest.raises(InvalidInput, match="may not post for the page 7"):
        asyncio.run(Linkedin.signed_in(signed(bench, PAGE_SCOPES, organization="7"), bench.context))
    bench.network.fails("role:none")
    with pytest.raises(InvalidInput, match="may not post for the page") as caught:
        asyncio.run(Linkedin.signed_in(tokens, bench.context))
    assert "Content admin" in caught.value.hint


def test_only_a_number_is_a_page(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="give the page's number"):
        asyncio.run(Linkedin.oauth({"organization": "acme"}, "", bench.context))


def test_a_check_asks_what_a_post_would_need(bench: Bench) -> None:
    def problems() -> list[str]:
        found = asyncio.run(Linkedin.check_account(bench.context.account("linkedin"), bench.context))
        return [one.message for one in found]

    assert problems() == []
    bench.network.fails("role:none")
    assert problems() == [f"linkedin: you may not post for the page {PAGE_NUMBER}."]
    bench.network.fails("account:401")
    assert "has ended" in problems()[0]
    bench.network.fails()
    bench.context._accounts.add("other", "linkedin", account(bench.network.url, "urn:li:person:1"))
    found = asyncio.run(Linkedin.check_account(bench.context.account("other"), bench.context))
    assert [one.message for one in found] == ["linkedin: the token is not this account's"]


def test_what_is_asked_for_and_where_the_token_goes(bench: Bench) -> None:
    person = asyncio.run(Linkedin.oauth({}, "http://127.0.0.1:1/", bench.context))
    page = asyncio.run(Linkedin.oauth({"organization": "7"}, "http://127.0.0.1:1/", bench.context))
    assert (person.scopes, page.scopes) == (PERSON_SCOPES, PAGE_SCOPES)
    assert person.authorize_url == "https://www.linkedin.com/oauth/v2/authorization"
    assert (person.client_auth, person.pkce, person.redirect_uri) == (
        "post",
        "none",
        "http://localhost:8080/callback",
    )
    for wrong in ({"service": "https://evil.example"}, {"redirect_uri": "https://evil.example/"}):
        with pytest.raises(InvalidInput, match="machine"):
            asyncio.run(Linkedin.oauth(wrong, "", bench.context))
