"""Accounts of `tiktok`: who signed in, what was allowed, and whether a first post would fail."""

from __future__ import annotations

import asyncio

import pytest
from tests.plugins.publishers.tiktok.conftest import Bench, account

from reelwork_hooks import Credentials, InvalidInput, Tokens
from reelwork_plugins.publishers.tiktok import Tiktok, TiktokConfig
from reelwork_plugins.publishers.tiktok.sign_in import SCOPES
from reelwork_plugins.simulator.networks.tiktok.posts import open_id
from reelwork_plugins.simulator.networks.tokens import Token


def test_whoever_signs_in_is_known_by_what_never_changes(bench: Bench) -> None:
    given = {"service": bench.network.url}
    access = Token("tiktok", "ada", SCOPES).written()
    tokens = Tokens(access=access, given=given, client={"client_id": "1"}, scopes=SCOPES)
    [found] = asyncio.run(Tiktok.signed_in(tokens, bench.context))
    assert (found.shown["identifier"], found.shown["id"]) == ("ada", open_id("ada"))
    assert found.identity == f"{bench.network.url} tiktok {open_id('ada')}"
    less = Tokens(access=access, given=given, scopes=("user.info.basic", "video.upload"))
    with pytest.raises(InvalidInput, match=r"did not allow video\.publish"):
        asyncio.run(Tiktok.signed_in(less, bench.context))


def test_an_account_is_checked_by_what_it_may_post(bench: Bench) -> None:
    stored = bench.context.account("tiktok")
    assert asyncio.run(Tiktok.check_account(stored, bench.context)) == []
    bench.network.fails("account:refusal=spam_risk_user_banned_from_posting")
    [problem] = asyncio.run(Tiktok.check_account(stored, bench.context))
    assert "stopped the account from posting" in problem.message
    bench.network.fails()
    bench.context._accounts.add("less", "tiktok", account(bench.network.url, "bo", ("video.upload",)))
    [problem] = asyncio.run(Tiktok.check_account(bench.context.account("less"), bench.context))
    assert "did not allow this" in problem.message


def test_an_account_of_another_plugin_is_not_used(bench: Bench) -> None:
    bench.context._accounts.add("other", "youtube", Credentials({"id": "1"}, {"access_token": "x"}, "UC1"))
    plugin = Tiktok(TiktokConfig(account="other"), bench.context)
    with pytest.raises(InvalidInput, match="is for youtube"):
        asyncio.run(plugin.prepare_publish(bench.post, bench.job))


def test_a_token_goes_to_tiktok_and_nowhere_else(bench: Bench) -> None:
    given = {"service": "https://evil.example"}
    with pytest.raises(InvalidInput, match="simulator on this machine"):
        asyncio.run(Tiktok.oauth(given, "http://127.0.0.1:1/", bench.context))
    made = asyncio.run(Tiktok.oauth({}, "http://127.0.0.1:1/", bench.context))
    assert (made.client_id_name, made.pkce, made.scope_separator) == ("client_key", "S256-hex", ",")
    assert made.authorize_url == "https://www.tiktok.com/v2/auth/authorize/"
