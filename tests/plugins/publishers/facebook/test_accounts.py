"""Accounts of `facebook`: each page is one, and its token goes to Meta alone."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.plugins.publishers.facebook.conftest import Bench, account

from reelwork_hooks import Credentials, InvalidInput, Tokens
from reelwork_plugins.publishers.facebook import Facebook, FacebookConfig
from reelwork_plugins.simulator.networks.facebook.store import page_id
from reelwork_plugins.simulator.networks.tokens import Token


def test_every_page_of_whoever_signs_in_is_an_account(bench: Bench) -> None:
    short = Token("facebook", "ada", ("pages_show_list", "pages_manage_posts"), time.time() + 3600).written()
    given = {"service": bench.network.url}
    bench.network.fails("pages:two")
    tokens = Tokens(access=short, given=given, client={"client_id": "1", "client_secret": "s"}, scopes=("a",))
    found = asyncio.run(Facebook.signed_in(tokens, bench.context))
    assert [one.shown["id"] for one in found] == [page_id("ada"), page_id("adatwo")]
    assert {one.shown["identifier"] for one in found} == {"The page of ada", "The page of adatwo"}
    assert [one.expires_at for one in found] == [None, None]
    with pytest.raises(InvalidInput, match="cannot be renewed"):
        asyncio.run(Facebook.refreshed(found[0], bench.context))


def test_an_account_is_checked_by_whose_token_it_has(bench: Bench) -> None:
    stored = bench.context.account("facebook")
    assert asyncio.run(Facebook.check_account(stored, bench.context)) == []
    bench.network.fails("account:refusal=190.463")
    [problem] = asyncio.run(Facebook.check_account(stored, bench.context))
    assert "token is not accepted" in problem.message
    bench.network.fails()
    wrong = account(bench.network.url)
    mixed = Credentials({**wrong.shown, "id": "12"}, dict(wrong.secret), "x")
    bench.context._accounts.add("mixed", "facebook", mixed)
    [problem] = asyncio.run(Facebook.check_account(bench.context.account("mixed"), bench.context))
    assert "not this page's" in problem.message


def test_an_account_of_another_plugin_is_not_used(bench: Bench) -> None:
    bench.context._accounts.add("other", "youtube", Credentials({"id": "1"}, {"access_token": "x"}, "UC1"))
    plugin = Facebook(FacebookConfig(account="other"), bench.context)
    with pytest.raises(InvalidInput, match="is for youtube"):
        asyncio.run(plugin.prepare_publish(bench.post, bench.job))


def test_a_token_goes_to_meta_and_nowhere_else(bench: Bench) -> None:
    given = {"service": "https://evil.example"}
    with pytest.raises(InvalidInput, match="simulator on this machine"):
        asyncio.run(Facebook.oauth(given, "http://127.0.0.1:1/", bench.context))
    made = asyncio.run(Facebook.oauth({}, "http://127.0.0.1:1/", bench.context))
    assert (made.redirect, made.authorize_url) == ("localhost", "https://www.facebook.com/v26.0/dialog/oauth")
