"""Prices that depend on more than the model: a provider that knows them gives one for each request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

KEYS = ("--set", "provider.access_key=env:NOT_THERE", "--set", "provider.secret_key=env:NOT_THERE")


def planned(cli: Any, *given: str) -> Any:
    outcome = cli("plan", *given, "--provider", "kling", *KEYS, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.json


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        ((), "0.42"),
        (("--resolution", "1080p"), "0.56"),
        (("--option", "sound=true"), "0.63"),
        (("--resolution", "1080p", "--option", "sound=true"), "0.84"),
        (("--model", "kling-v2-6"), None),
    ],
)
def test_each_request_has_its_own_price(cli: Any, given: tuple[str, ...], cost: str | None) -> None:
    found = planned(cli, "A lighthouse in the fog", "--duration", "5", *given)["cost"]
    assert (found if found is None else f"{float(found):.2f}") == cost


def test_so_has_each_row_of_a_batch(cli: Any, folder: Path) -> None:
    rows = "prompt,duration,options.sound,resolution\n" + "".join(
        f"A lighthouse in the fog {number},5,{sound},{height}\n"
        for number, (sound, height) in enumerate([("", "720p"), ("true", "720p"), ("false", "1080p"), ("", "720p")])
    )
    (folder / "rows.csv").write_text(rows)
    assert f"{float(planned(cli, 'rows.csv')['cost']):.2f}" == "2.03"
