"""Where a server tells people what needs them: `[notify]` and `[notify.NAME]` in the nearest `reelwork.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reelwork.errors import WorkflowInvalid
from reelwork.settings.brands import check_named
from reelwork.settings.paths import here, nearest_settings, parse_toml, read_text
from reelwork.settings.validation import explain
from reelwork.settings.webhooks import Name
from reelwork.settings.workflow import BrandTable, Loaded, Workflow
from reelwork_hooks.plugin import SecretRef

Model = TypeVar("Model", bound=BaseModel)


class NotifyTable(BaseModel):
    """`[notify]` or `[notify.NAME]`: where notices go."""

    # What was given may be a secret written where its reference belongs.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    to: Annotated[tuple[SecretRef, ...], Field(min_length=1)]
    """Secrets, each an address of Apprise, such as `mailto://…` or `slack://…`. Each gets every notice."""
    private: bool = False
    """Allows addresses in this network, or on this machine."""
    brand: str | None = None
    """Tells of this brand's jobs, schedules and accounts alone."""
    exclude_brands: tuple[str, ...] = ()
    """Tells of everything but these brands' jobs, schedules and accounts."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.brand is not None and self.exclude_brands:
            raise ValueError("`brand` already leaves out all other brands: leave out `exclude_brands`, or `brand`")
        return self


class _One(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    notify: NotifyTable


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    notify: Mapping[Name, NotifyTable]


class _Brands(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    brands: Mapping[str, BrandTable]


@dataclass(frozen=True)
class NotifySettings:
    """The notices in `reelwork.toml`."""

    loaded: Loaded
    """The file they stand in: relative paths are meant from its folder."""
    tables: Mapping[str, NotifyTable]
    """By the `NAME` of `[notify.NAME]`; `[notify]` itself has the name ``""``."""
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The accounts of each brand, where a table names any."""


def notify_settings(cwd: Path | None = None) -> NotifySettings | None:
    """Read where notices go; None where none are sent. Raises `WorkflowInvalid`."""
    cwd = cwd or here()
    path = nearest_settings(cwd)
    if path is None:
        return None
    text = read_text(path)
    settings = parse_toml(text, str(path))
    if "notify" not in settings:
        return None
    tables = _tables(settings["notify"], str(path), text)
    named = [
        (f"{address_of(name)}.{key}", brand) for name, table in tables.items() for key, brand in _brands(table)
    ]
    for field_, brand in named:
        check_named(brand, settings, path, field_)
    accounts = _accounts(settings, str(path), text) if named else {}
    return NotifySettings(Loaded(Workflow(), path.parent, str(path), cwd, text), tables, accounts)


def address_of(name: str) -> str:
    """Return how a table of notices is written in the settings."""
    return f"notify.{name}" if name else "notify"


def _tables(notify: Any, path: str, text: str) -> dict[str, NotifyTable]:
    # Each has a check of its own, so that a problem is named by where it stands in the file.
    table = notify if isinstance(notify, dict) else {}
    named = {
        key: one for key, one in table.items() if isinstance(one, dict) and key not in NotifyTable.model_fields
    }
    own = {key: one for key, one in table.items() if key not in named} if named else notify
    tables = dict(_checked(_Named, {"notify": named}, path, text).notify)
    if named and not own:
        return tables
    return {"": _checked(_One, {"notify": own}, path, text).notify, **tables}


def _brands(table: NotifyTable) -> Iterator[tuple[str, str]]:
    """Yield the brands that a table names, each with its key."""
    if table.brand is not None:
        yield "brand", table.brand
    for brand in table.exclude_brands:
        yield "exclude_brands", brand


def _accounts(settings: Mapping[str, Any], path: str, text: str) -> dict[str, frozenset[str]]:
    brands = _checked(_Brands, settings, path, text).brands
    return {name: frozenset(brand.accounts) for name, brand in brands.items()}


def _checked(model: type[Model], settings: Mapping[str, Any], path: str, text: str) -> Model:
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        wrong: WorkflowInvalid = explain(error, model, path, text=text)
        raise wrong from error
