"""The base of all values that travel through the hooks, and the mappings and lists within them.

They read, compare, print and pickle as usual, and cannot be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

K = TypeVar("K")
V = TypeVar("V")


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError("this value is frozen: make a changed copy, as with value.replace(…)")


# Subclasses, not proxies: plugins test `isinstance(value, dict)`, and `json.dumps` takes them as they are.
class FrozenDict(dict[Any, Any]):
    """A mapping that cannot be changed. `{**value, "name": …}` is a changed copy."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # pydantic writes a default into a JSON schema as a value of the default's own type.
        return handler(dict[Any, Any])

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    # pydantic copies a default that has no hash each time it is used.
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    # Pickle and `copy.deepcopy` fill a subclass of dict or list item by item, which is refused here.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class FrozenList(list[Any]):
    """A list that cannot be changed. `[*value, item]` is a changed copy."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)


EMPTY = FrozenDict()
"""The mapping that holds nothing, for defaults."""


def frozen(value: Any) -> Any:
    """Return the value with every mapping and list in it frozen.

    >>> frozen({"tags": ["a"]})["tags"].append("b")
    Traceback (most recent call last):
    TypeError: this value is frozen: make a changed copy, as with value.replace(…)
    """
    # Only this function makes these, so what they hold is frozen as well.
    if isinstance(value, FrozenDict | FrozenList):
        return value
    if isinstance(value, dict | Mapping):
        if not value:
            return EMPTY
        return FrozenDict({name: frozen(item) for name, item in value.items()})
    return FrozenList(map(frozen, value)) if isinstance(value, list) else value


# pydantic does not validate defaults by itself: `= {}` would stay one plain dict, shared by all values.
FrozenMapping = Annotated[Mapping[K, V], AfterValidator(frozen), Field(validate_default=True)]
"""A field that holds a mapping, frozen at every depth."""


class Frozen(BaseModel):
    """An immutable value that refuses fields it does not know."""

    # A misspelt field would be dropped in silence: `Post(…, privcy="private")` would go out in public.
    # A command uses few of the models, so each is made at its first use. One that several others hold is made at
    # once (`defer_build=False`): until then pydantic makes its schema for each of them again.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these fields changed, checked like a new value.

        Raises pydantic's `ValidationError` when a field does not exist or does not fit.
        """
        # Only what was given: a default stays a default, which planning tells from what was asked for.
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**given, **changes})


class Grown(BaseModel):
    """A value that leaves fields of a later version out of what is stored, until they are used."""

    # Rows and requests of stores are known by hashes of what is stored: a new field must not change them.
    _later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        for name in self._later:
            if getattr(self, name) == fields[name].default:
                stored.pop(name, None)
        return stored
