"""Money that is no money: it is reported once, the estimate stays, and nothing else stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer


def costing(cost: Any) -> Callable[[VideoServer, Asked], Answer]:
    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.accept(asked, usage={"cost": cost}))

    return create


@pytest.mark.parametrize("cost", [-5, 1e13, 1e300, "NaN", "free", float("nan")])
def test_a_server_that_reports_nonsense_is_believed_about_the_video_only(
    desk: Desk, serve: Callable[..., VideoServer], cost: Any
) -> None:
    server = serve(create=costing(cost))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", "--json")
    assert ended.code == 0, ended.text
    (job,) = desk.jobs()
    told = desk.reelwork("jobs", "history", job["id"]).out
    # A bare NaN is no JSON: a number that is none is left out of the answer before anybody reads it.
    assert told.count("reported a cost of") == (0 if cost != cost else 1), told
    (total,) = desk.reelwork("spend", "--json").json["groups"]
    assert (total["charged"], total["reserved"]) == ("0", "0.4")


def test_what_was_reported_never_keeps_later_runs_from_starting(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server = serve(create=costing(9e12))
    budget = "[budget]\nper_day = 2\n"
    for number in range(3):
        workflow = desk.workflow(server.origin, prompt=f"A fox, take {number}", rest=budget)
        assert desk.reelwork("run", workflow, "--yes").code == 0
    over = desk.workflow(server.origin, prompt="A fox", rest="[budget]\nper_day = 1.5\n")
    ended = desk.reelwork("run", over, "--yes")
    assert (ended.code, server.creates) == (3, 3), ended.text


PLUGIN = """
from datetime import date
from decimal import Decimal
from reelwork_hooks import (
    Capabilities, FileSource, Idempotency, Price, Provider, RenderStatus, Submitted, hookimpl,
)

class Odd(Provider):
    def capabilities(self, model):
        return Capabilities(idempotency=Idempotency.NONE, price=Price{price})

    async def submit(self, request, effect):
        return Submitted(remote_id="r1", details={{"cost_micros": -7, "charged": False}})

    async def poll(self, renders):
        return [RenderStatus{status}]

    async def fetch(self, render):
        return FileSource(path={film!r})

class Brings:
    @staticmethod
    @hookimpl
    def register_providers():
        return {{"odd": Odd}}
"""
SOUND = '(per_second=Decimal("0.1"), as_of=date(2026, 11, 28))'


@pytest.fixture
def odd(desk: Desk, film: bytes) -> Callable[..., Any]:
    """A workflow whose provider is somebody's plugin."""

    def write(*, price: str = SOUND, status: str) -> Any:
        (desk.folder / "film.mp4").write_bytes(film)
        text = PLUGIN.format(price=price, status=status, film=str(desk.folder / "film.mp4"))
        desk.write("odd.py", text)
        return desk.write(
            "odd.toml",
            'plugins = ["./odd.py"]\n[brief]\nprompt = "A red fox, again"\nduration = 4\n[provider]\nuse = "odd"\n'
            "poll_interval = 0.2\n",
        )

    return write


@pytest.mark.parametrize("cost", ['Decimal("-5")', 'Decimal("sNaN")', "10**5000"])
def test_a_plugin_that_reports_nonsense_is_believed_about_the_video_only(
    desk: Desk, odd: Callable[..., Any], cost: str
) -> None:
    workflow = odd(status=f'(remote_id="r1", state="completed", cost={cost})')
    ended = desk.reelwork("run", workflow, "--yes")
    assert ended.code == 0, ended.text
    (total,) = desk.reelwork("spend", "--json").json["groups"]
    assert (total["charged"], total["reserved"]) == ("0", "0.4")


@pytest.mark.parametrize("price", ["-1", "NaN"])
@pytest.mark.parametrize("built", ["", ".model_construct"])
def test_a_plugins_price_that_is_none_is_refused_before_anything_is_sent(
    desk: Desk, odd: Callable[..., Any], price: str, built: str
) -> None:
    of = f'{built}(per_second=Decimal("{price}"), as_of=date(2026, 11, 28))'
    ended = desk.reelwork("run", odd(price=of, status='(remote_id="r1", state="completed")'), "--yes")
    assert ended.code not in (0, 124), ended.text
    assert "'odd'" in ended.text
    assert desk.jobs() == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("provider.price_per_second", "1e13"),
        ("provider.price_per_second", "99999"),
        ("budget.per_day", "1e300"),
        ("budget.per_job", "nan"),
    ],
)
def test_a_setting_that_is_no_amount_is_named(
    desk: Desk, serve: Callable[..., VideoServer], where: str, value: str
) -> None:
    server = serve()
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", "--set", f"{where}={value}")
    assert ended.code not in (0, 124), ended.text
    assert where.rpartition(".")[2].partition("_")[0] in ended.text
    assert server.creates == 0
