"""The alerts and the Grafana dashboard of the examples ask for figures that a server has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from reelwork.credentials.accounts import Accounts
from reelwork.server.meters import Meters
from reelwork.store.sqlite.store import SqliteStore

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "serve"
FIGURE = re.compile(r"\breelwork_\w+")


@pytest.fixture
def figures(tmp_path: Path) -> set[str]:
    """The names that can be asked for: of families, and of the samples they have or will have."""
    store = SqliteStore(tmp_path / "store.db")
    text = Meters(store, Accounts(tmp_path / "accounts.json")).text().decode()
    store.close()
    names = set()
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((EXAMPLES / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    dashboard = json.loads((EXAMPLES / "grafana.json").read_text(encoding="utf-8"))
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


def test_each_figure_that_is_asked_for_is_there(figures: set[str]) -> None:
    asked = {name for expression in expressions() for name in FIGURE.findall(expression)}
    assert asked
    assert asked <= figures


def test_each_alert_says_what_it_means_and_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")
