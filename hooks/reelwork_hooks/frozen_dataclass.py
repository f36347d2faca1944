"""Frozen dataclasses that are made in a third of the time that Python takes.

Before Python 3.13, `dataclass` compiles the source of six methods for each class. A command makes more than a
hundred classes before its first line, so that was a fifth of its start. Only `__init__` needs source of its own;
the other methods are shared here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen_dataclass(cls: type[T]) -> type[T]:
    """Make of a class what `@dataclass(frozen=True, slots=True)` makes of it.

    The class writes none of the methods of a dataclass itself, and inherits from no dataclass.

    >>> @frozen_dataclass
    ... class Size:
    ...     width: int
    ...     height: int = 9
    >>> Size(16), Size(16) == Size(16, 9), len({Size(16), Size(16, 9)})
    (Size(width=16, height=9), True, 1)
    """
    # Python finds the fields and makes the slots. `frozen=True` would compile two methods more.
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    own = fields(made)
    made.__init__ = _initializer(own, then="__post_init__" in cls.__dict__)
    made.__eq__, made.__hash__ = _comparison([one.name for one in own if one.compare])
    made.__repr__ = _representation
    made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
    # `copy` and `pickle` would restore the fields by `setattr`.
    made.__getstate__, made.__setstate__ = _state, _restore
    return made  # type: ignore[no-any-return]


def _initializer(own: Sequence[Field[Any]], *, then: bool) -> Any:
    scope: dict[str, Any] = {"_put": object.__setattr__, "_MISSING": MISSING}
    parameters, lines = ["self"], []
    for one in own:
        name, default, given = one.name, f"_default_{one.name}", one.name
        if one.default is not MISSING:
            scope[default] = one.default
            parameters.append(f"{name}={default}")
        elif one.default_factory is not MISSING:
            scope[default] = one.default_factory
            parameters.append(f"{name}=_MISSING")
            given = f"{default}() if {name} is _MISSING else {name}"
        else:
            parameters.append(name)
        lines.append(f"  _put(self, {name!r}, {given})\n")
    if then:
        lines.append("  self.__post_init__()\n")
    # A function that took `**values` would make each value in a multiple of the time.
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines) or '  pass'}", scope)
    return scope["__init__"]


def _comparison(names: Sequence[str]) -> tuple[Callable[[Any, object], Any], Callable[[Any], int]]:
    # C reads the fields, as fast as compiled source does.
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return equal, hashed


@recursive_repr()
def _representation(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse_to_set(_: Any, name: str, __: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
