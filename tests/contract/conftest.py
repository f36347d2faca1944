"""Stores to ask, each of a kind that must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.stores import STORES

from reelwork.store.protocol import Store


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(STORES), scope="session")
def kind(request: pytest.FixtureRequest) -> Callable[..., Store]:
    return STORES[request.param]


@pytest.fixture
def open_store(kind: Callable[..., Store], tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Opens the same store, as often as it is called, as so many processes would."""
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(kind(tmp_path / "store.db", clock=clock))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def new_store(
    kind: Callable[..., Store], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], tuple[Store, Clock]]]:
    """Opens a store of its own each time, with a clock of its own."""
    opened: list[Store] = []

    def open_() -> tuple[Store, Clock]:
        clock = Clock()
        opened.append(kind(tmp_path_factory.mktemp("store") / "store.db", clock=clock))
        return opened[-1], clock

    yield open_
    for store in opened:
        store.close()
