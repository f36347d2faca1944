"""The wishes of a request, checked: parameters in the address, and documents. Nothing unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from reelwork.server.problems import Problem
from reelwork.settings.pydantic_words import branches

M = TypeVar("M", bound=BaseModel)
NOTHING = "Nothing was changed, nothing was sent."
MOST_NAMED = 10
"""Wrong values of one request that are named."""


class Asked(BaseModel):
    """Something that is asked for. A misspelt name is refused: a filter that is passed over shows too much."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OfBrand(Asked):
    """What may be asked of one brand alone."""

    # Read by `operations`, which hands on a store that is limited to it.
    brand: Annotated[str, Field(max_length=50)] | None = None
    """Only what belongs to this brand."""


class Nothing(Asked):
    """An empty document: the address says it all."""


def query_of(request: Request, model: type[M]) -> M:
    """Return the parameters of a request's address. Raises `Problem`."""
    asked = request.query_params
    values: dict[str, Any] = {}
    for name in asked:
        given = asked.getlist(name)
        if _takes_several(model, name):
            values[name] = given
        elif len(given) == 1:
            values[name] = given[0]
        else:
            raise wrong("parameter", [(name, "it is given more than once")])
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explained(error, model, "parameter") from error


def _takes_several(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is tuple


def explained(error: ValidationError, model: type[BaseModel], kind: str) -> Problem:
    """Return what is wrong, in the words that a workflow gets. `kind` says where it is: see `wrong`."""
    found = []
    for one in error.errors(include_url=False)[:MOST_NAMED]:
        place = ".".join(str(part) for part in one["loc"])
        found.append((place, _why(one, model)))
    return wrong(kind, found)


def _why(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        known = f"; known: {', '.join(model.model_fields)}" if len(problem["loc"]) == 1 else ""
        return f"it is not known here{known}"
    # Without the value: a secret may have been pasted where something else belongs.
    return "it is missing" if problem["type"] == "missing" else branches([problem])[1]


def wrong(kind: str, found: list[tuple[str, str]]) -> Problem:
    """Return the error for parts of a request, each with what is wrong with it. `kind` says where they are."""
    errors = tuple({"detail": why, kind: place} for place, why in found)
    place, why = found[0]
    more = f" ({len(found) - 1} more after this one)" if len(found) > 1 else ""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{place or 'the document'}: {why}.{more}", money=NOTHING, errors=errors
    )
