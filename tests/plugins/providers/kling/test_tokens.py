"""The tokens, checked by a library that has nothing to do with ours."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from reelwork_hooks import Effect, NotSent, Unavailable
from reelwork_plugins.providers.kling.tokens import token

SECRET = "sk-of-the-tests-that-is-long-enough-to-sign"


def test_a_library_accepts_the_token() -> None:
    now = time.time()
    made = token("access", SECRET, now)
    claims = jwt.decode(made, SECRET, algorithms=["HS256"], issuer="access", options={"require": ["exp", "nbf"]})
    assert claims == {"iss": "access", "exp": int(now) + 1800, "nbf": int(now) - 5}
    assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(made, SECRET[::-1], algorithms=["HS256"])


@pytest.mark.parametrize(("off", "error"), [(-60, jwt.ImmatureSignatureError), (1801, jwt.ExpiredSignatureError)])
def test_a_clock_that_is_off_spoils_the_token(off: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        jwt.decode(token("access", SECRET, time.time() - off), SECRET, algorithms=["HS256"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("clock:behind=600", "10 min ahead of"),
        ("clock:ahead=7200", "120 min behind"),
        ("clock:behind=20", r"2\d s ahead of"),
    ],
)
def test_a_wrong_clock_costs_one_refusal_and_no_video(
    bench: Any, simulator: Any, request_for: Any, fault: str, words: str
) -> None:
    simulator.set_faults([fault])
    at, effect = bench(), None

    async def twice(provider: Any) -> Any:
        nonlocal effect
        with pytest.raises(NotSent, match=words) as refused:
            await provider.submit(request_for(), at.effect())
        assert refused.value.retry_after == 1.0
        assert not refused.value.lasting
        return await provider.submit(request_for(), at.effect())

    submitted = at.run(twice)
    assert [job["id"] for job in simulator.jobs()] == [submitted.remote_id]
    assert [entry["status"] for entry in simulator.requests(method="POST")] == [401, 200]


def test_a_read_is_repeated_once_with_the_servers_time(bench: Any, simulator: Any, request_for: Any) -> None:
    simulator.set_faults(["clock:ahead=4000"])
    at = bench()
    assert at.run(lambda provider: provider.find(request_for(), at.effect())).complete
    assert [entry["status"] for entry in simulator.requests(method="GET")][:2] == [401, 200]


def test_what_the_servers_time_does_not_mend_ends_at_once(bench: Any, simulator: Any, request_for: Any) -> None:
    """It says that the token is expired, though its clock agrees with ours: asking again would never end."""
    simulator.set_faults(["create:code=1004", "list:code=1004"])
    at = bench()
    with pytest.raises(NotSent, match="agree") as refused:
        at.run(lambda provider: provider.submit(request_for(), at.effect()))
    assert refused.value.lasting
    with pytest.raises(Unavailable, match="1004"):
        at.run(lambda provider: provider.find(request_for(), at.effect()))
    assert len(simulator.requests()) == 2


def test_a_time_that_is_days_off_is_not_believed(bench: Any, simulator: Any, request_for: Any) -> None:
    simulator.set_faults(["clock:ahead=200000"])
    at = bench()
    with pytest.raises(NotSent, match="min behind") as refused:
        at.run(lambda provider: provider.submit(request_for(), at.effect()))
    assert refused.value.lasting
    assert "Set this machine's clock" in refused.value.hint


def test_a_server_whose_time_jumps_about_is_not_asked_for_ever(
    bench: Any, simulator: Any, request_for: Any
) -> None:
    at = bench()

    async def on_and_on(provider: Any) -> int:
        for number in range(10):
            simulator.set_faults([f"clock:ahead={(number + 1) * 4000}"])
            with pytest.raises(NotSent) as refused:
                await provider.submit(request_for(), at.effect())
            if refused.value.lasting:
                return number
        return -1

    assert at.run(on_and_on) == 3


def test_a_key_that_is_wrong_is_no_doubt(bench: Any, simulator: Any, request_for: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("KLING_SECRET", "sk-that-is-wrong")
    at = bench()
    with pytest.raises(NotSent, match="1000") as refused:
        at.run(lambda provider: provider.submit(request_for(), Effect("key")))
    assert refused.value.lasting
    assert not simulator.jobs()
