"""Whatever a frozen dataclass of the standard library does, one of ours does too: each test asks both."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar

import pytest

from reelwork.store.records import JobRow
from reelwork_hooks.frozen_dataclass import frozen_dataclass

standard = dataclass(frozen=True, slots=True)
both = pytest.mark.parametrize("make", [standard, frozen_dataclass])


class Plain:
    """The fields of a size."""

    kinds: ClassVar[int] = 2
    width: int
    height: int = 9
    notes: list[str] = field(default_factory=list)
    hidden: str = field(default="", repr=False)
    beside: int = field(default=0, compare=False)

    @property
    def area(self) -> int:
        """A method of the class itself."""
        return self.width * self.height


@standard
class StandardSize:
    width: int
    height: int = 9


@frozen_dataclass
class OurSize:
    width: int
    height: int = 9


sizes = pytest.mark.parametrize("size", [StandardSize, OurSize])


def anew(make: Callable[[type], Any], plain: type = Plain) -> Any:
    """Return a copy of the class, made into a dataclass."""
    attributes = {name: value for name, value in vars(plain).items() if name not in ("__dict__", "__weakref__")}
    return make(type(plain.__name__, (), attributes))


@both
def test_it_is_called_and_shown_alike(make: Callable[[type], Any]) -> None:
    size = anew(make)
    shown = str(inspect.signature(size)).replace("'", "")
    assert [one.split(":")[0].split("=")[0].strip("( ") for one in shown.split(",")][:2] == ["width", "height"]
    assert repr(size(1, hidden="secret", beside=3)) == "Plain(width=1, height=9, notes=[], beside=3)"
    assert size(1, 2).area == 2
    assert size.__match_args__ == ("width", "height", "notes", "hidden", "beside")
    assert size.__doc__ == "The fields of a size."


@both
@pytest.mark.parametrize(("given", "named"), [((), {}), ((1, 2, [], "", 0, 7), {}), ((1,), {"depth": 1})])
def test_wrong_arguments_are_refused(
    make: Callable[[type], Any], given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        anew(make)(*given, **named)


@both
def test_each_value_has_its_own_default(make: Callable[[type], Any]) -> None:
    size = anew(make)
    first, second = size(1), size(1)
    first.notes.append("wide")
    assert second.notes == []
    assert size(1, notes=first.notes).notes is first.notes


@both
def test_it_compares_and_hashes_by_what_is_compared(make: Callable[[type], Any]) -> None:
    size = anew(make)
    assert size(1, beside=1) == size(1, beside=2)
    assert size(1) != size(2)
    assert size(1) != anew(make)(1)
    assert size(1) != (1, 9, [], "", 0)
    with pytest.raises(TypeError, match="unhashable"):
        hash(size(1))


@sizes
def test_equal_values_are_one_key(size: Any) -> None:
    assert len({size(1), size(1, 9), size(2)}) == 2
    assert hash(size(1)) == hash((1, 9))


@sizes
def test_it_cannot_be_changed(size: Any) -> None:
    value = size(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'width'"):
        value.width = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'width'"):
        del value.width
    with pytest.raises((FrozenInstanceError, TypeError)):
        value.depth = 2
    assert not hasattr(value, "__dict__")


@sizes
def test_a_copy_is_equal(size: Any) -> None:
    value = size(1, 2)
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    assert dataclasses.replace(value, height=3) == size(1, 3)
    assert dataclasses.asdict(value) == {"width": 1, "height": 2}
    with pytest.raises(TypeError):
        dataclasses.replace(value, depth=3)


@both
def test_what_is_done_afterwards_is_done(make: Callable[[type], Any]) -> None:
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    assert anew(make, Even)(2).number == 2
    with pytest.raises(ValueError, match="odd"):
        anew(make, Even)(3)


@both
def test_one_field_and_none(make: Callable[[type], Any]) -> None:
    one = anew(make, type("One", (), {"__annotations__": {"word": "str"}, "__module__": __name__}))
    none = anew(make, type("None_", (), {"__module__": __name__}))
    assert one("a") == one("a") != one("b")
    assert hash(one("a")) == hash(one("a"))
    assert none() == none()
    assert (repr(one("a")), repr(none())) == ("One(word='a')", "None_()")


@both
def test_a_value_that_holds_itself_is_shown(make: Callable[[type], Any]) -> None:
    ring = anew(make, type("Ring", (), {"__annotations__": {"items": "list[Any]"}, "__module__": __name__}))
    value = ring([])
    value.items.append(value)
    assert repr(value) == "Ring(items=[...])"


def test_the_rows_of_the_store_are_such_values() -> None:
    assert dataclasses.is_dataclass(JobRow)
    assert JobRow.__repr__ is OurSize.__repr__
    names = [one.name for one in dataclasses.fields(JobRow)]
    assert list(inspect.signature(JobRow).parameters) == names
