"""Settings and types in the words of a person who writes TOML."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from member_words import MEMBERS
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

MISSING = {
    **MEMBERS,
    "Asset.bytes": "The size of the file.",
    "Brief.caption": "The post's caption. `platform-style` makes one of the prompt when it is empty.",
    "Brief.hashtags": "The post's hashtags, without `#`.",
    "Brief.metadata": "Names and values kept with the job; sent to providers that take them.",
    "Brief.negative_prompt": "Things that must not be in the video.",
    "Brief.platforms": "Where the video will be watched. Each platform gets its own video.",
    "Brief.privacy": "Who may see the post.",
    "Brief.prompt": "The video, described in words.",
    "Brief.quality": "Requested from the provider.",
    "Brief.references": "Pictures, videos and sounds that the video is made from.",
    "Brief.seed": "The same seed gives the same video, where the provider offers it. Each further take adds 1.",
    "Brief.title": "The post's title.",
    "Workflow.destination": "Copy and options of single destinations: see `[destination.NAME]`.",
    "BudgetTable.per_day": "The most that all jobs in the store may cost in a day.",
    "BudgetTable.per_job": "The most that one job may cost.",
    "BudgetTable.per_month": "The most that all jobs in the store may cost in a calendar month.",
    "BudgetTable.per_run": "The most that one run may cost.",
    "LimitsTable.requests_per_day": "The most renders requested in 24 hours.",
    "LimitsTable.requests_per_minute": "The most renders requested in 60 seconds.",
    "Platform.aliases": "Other names a brief may use.",
    "Platform.aspect_ratio": "The shape of its videos.",
    "Platform.hashtag_limit": "The most hashtags in a post.",
    "Platform.name": "Its name in a brief: small letters, digits, `-` and `_`.",
    "Plugin.Config": "The model of its settings.",
    "PluginLists.job_event": "Plugins that observe.",
    "PluginLists.post_download": "Plugins that finish, sign and store the clip.",
    "PluginLists.pre_moderate": "Plugins that may stop a brief, a prompt, a finished video or a post.",
    "PluginLists.prompt_transform": "Plugins that change the prompt and the copy.",
    "PluginLists.publish": "Destinations. A post is made at each.",
    "Provider.Config": "The model of its settings.",
    "ProviderConfig.model": "The provider's name of a model; a brief's own comes first.",
    "ProviderTable.use": "The provider's name.",
    "ThumbnailConfig.format": "The kind of picture.",
    "VideosApiConfig.organization": "Sent as `OpenAI-Organization`.",
    "VideosApiConfig.project": "Sent as `OpenAI-Project`.",
    "Workflow.brief": "What to make: see `[brief]`.",
    "Workflow.budget": "What may be spent: see `[budget]`.",
    "Workflow.limits": "What the account allows: see `[limits]`.",
    "Workflow.name": "The workflow's name; the file's own name when left out.",
    "Workflow.plugin": "Settings of plugin instances: see `[plugin.NAME]`.",
    "Workflow.plugins": "Which plugins run: see `[plugins]`.",
    "Workflow.posts": "What is agreed to about posts: see `[posts]`.",
    "Workflow.review": "Which posts wait for a person: see `[review]`.",
    "Workflow.schedule": "When it runs automatically: see `[schedule]`.",
    "Workflow.brand": "The brand it is for: see [brands](brands.md).",
    "Workflow.provider": "Who makes the videos: see `[provider]`.",
}
"""Meanings of settings whose name was thought to say enough where they are defined."""


def field_meanings(model: type) -> dict[str, str]:
    """The text below each attribute of a class, and of the classes it derives from."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.startswith("reelwork"):
            body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
            assert isinstance(body, ast.ClassDef)
            said = dict(_meanings_in(body.body))
            found |= {
                name: text
                for key, text in MISSING.items()
                for owner, _, name in [key.partition(".")]
                if owner == kind.__name__
            } | said
    return found


def _meanings_in(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in zip(body, [*body[1:], None], strict=True):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]  # type: ignore[assignment]
        text = following.value if isinstance(following, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            # Asides to the text the first numbers came from say nothing to a reader of these pages.
            plain = re.sub(r" \(the tutorial's [^)]*\)", "", text.value)
            yield target.id, " ".join(plain.split())


def kind_in_words(annotation: Any, limits: Sequence[Any] = ()) -> str:
    """A type as a person who writes TOML would say it."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        if "_is_reference" in str(more):
            return "secret reference"
        nested = [item for one in more for item in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return kind_in_words(inner, [*limits, *nested])
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        kinds = [kind_in_words(one, limits) for one in arguments if one is not NoneType]
        return " or ".join(dict.fromkeys(kinds))
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_several(kind_in_words(arguments[0]))}"
    if origin is not None:
        return "table"
    return _plain_kind(annotation) + _limits_in_words(limits)


def _several(kind: str) -> str:
    noun, comma, limits = kind.partition(",")
    return f"{noun}s{comma}{limits}" if noun in ("path", "table", "number", "whole number") else kind


def _plain_kind(annotation: Any) -> str:
    names = {str: "text", int: "whole number", float: "number", Decimal: "number", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if annotation is Path:
        return "path"
    if annotation is AwareDatetime:
        return "time"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "table"
    return "any JSON"


def _limits_in_words(limits: Sequence[Any]) -> str:
    words = []
    for limit in limits:
        match limit:
            case Ge(value):
                words.append(f"{value} or more")
            case Gt(value):
                words.append(f"more than {value}")
            case Le(value):
                words.append(f"at most {value}")
            case Lt(value):
                words.append(f"less than {value}")
            case MinLen(value) if value > 1:
                words.append(f"{value} characters or more")
            case MaxLen(value):
                words.append(f"at most {value} characters")
            case _:
                pass
    return f", {', '.join(words)}" if words else ""


def default_in_words(field: FieldInfo) -> str:
    """A default as TOML would have it."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "must be given"
    if value is None:
        return "not set"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(chr(34) + str(item) + chr(34) for item in value)}]`"
    if isinstance(value, Enum | str):
        text = value.value if isinstance(value, Enum) else value
        return f'`"{text.replace(chr(10), chr(92) + "n")}"`'
    return f"`{value}`"


class _WithoutLimits(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name == "Annotated" and isinstance(node.slice, ast.Tuple):
            return node.slice.elts[0]
        return node.slice if name == "ClassVar" else node


def plain_type(annotation: Any) -> str:
    """An annotation as Python writes it, without limits and `ClassVar`."""
    text = annotation if isinstance(annotation, str) else str(annotation)
    return ast.unparse(_WithoutLimits().visit(ast.parse(text, mode="eval")))
