"""Writes the parts of the documentation that are taken from the code.

To run, from the project's folder:  python docs/generate.py

A part stands between `<!-- from the code: NAME ARGUMENT -->` and `<!-- end -->`. What stands there is replaced;
everything else in a page is written by hand. `tests/docs` fails when a page is out of date.
"""

from __future__ import annotations

import html
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import click
from in_words import default_in_words, field_meanings, kind_in_words, plain_type
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(<!-- from the code: (\w+) ?(\S*) -->\n).*?(<!-- end -->)", re.DOTALL)
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def load(place: str) -> Any:
    """What `module:name` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    cells = [[_cell(text) for text in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def _cell(text: str) -> str:
    """A cell's text; a bar in code is written so that both the site and code forges show it."""
    code = re.compile(r"`([^`]*\|[^`]*)`")
    text = code.sub(lambda found: f"<code>{html.escape(found[1]).replace('|', '&#124;')}</code>", text)
    return text.replace("|", "\\|").replace("\n", " ")


def operations(_: str) -> str:
    """A table of what the API can be asked."""
    rows = [["request", "scope", "what it does"]]
    for one in load("reelwork.server.api.operations:OPERATIONS"):
        rows.append([f"`{one.method} {one.path}`", f"`{one.scope}`", first_sentence(one.described)])
    return table(rows)


def first_sentence(text: str) -> str:
    """The beginning of a text, up to the end of its first sentence."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def fields(place: str) -> str:
    """A table of a model's fields."""
    model = load(place)
    meanings = field_meanings(model)
    rows = [["key", "what it takes", "default", "meaning"]]
    for name, field in model.model_fields.items():
        kind = kind_in_words(field.annotation, field.metadata)
        rows.append([f"`{name}`", kind, default_in_words(field), meanings.get(name, "")])
    return table(rows)


# --- Python: models, functions ---------------------------------------------------------------------------


def python(place: str) -> str:
    """A class: what it is, its attributes with their types, its methods."""
    kind = load(place)
    parts = [f"### `{kind.__name__}`", _paragraphs(kind)]
    rows = list(_attributes(kind))
    if rows:
        parts.append(table([["attribute", "type", "meaning"], *rows]))
    methods = [_method(name, method) for name, method in list(vars(kind).items()) if _is_public(name, method)]
    return "\n\n".join([*parts, *(["\n".join(methods)] if methods else [])])


def _paragraphs(thing: Any) -> str:
    text = re.sub(r"\n\n>>> (.|\n)*?(\n\n|\Z)", r"\2", inspect.getdoc(thing) or "")
    return re.sub(
        r"::\n\n((?:[ ]{4}.*\n?|\n)+)",
        lambda found: f"\n\n```text\n{textwrap.dedent(found[1]).strip(chr(10))}\n```\n\n",
        text,
    )


def _attributes(kind: type) -> Iterator[list[str]]:
    meanings = field_meanings(kind)
    if issubclass(kind, Enum):
        for member in kind:
            yield [f"`{member.name}`", f'`"{member.value}"`', meanings.get(member.name, "")]
        return
    for name, annotation in vars(kind).get("__annotations__", {}).items():
        if not name.startswith("_"):
            yield [f"`{name}`", f"`{plain_type(annotation)}`{_python_default(kind, name)}", meanings.get(name, "")]


def _python_default(kind: type, name: str) -> str:
    if issubclass(kind, BaseModel):
        field = kind.model_fields[name]
        return "" if field.is_required() else f", default `{field.get_default(call_default_factory=True)!r}`"
    value = vars(kind).get(name, PydanticUndefined)
    if isinstance(value, Enum):
        return f", default `{type(value).__name__}.{value.name}`"
    return f", default `{value!r}`" if isinstance(value, int | float | str) else ""


def _is_public(name: str, method: Any) -> bool:
    static = getattr(method, "__func__", getattr(method, "fget", method))
    return not name.startswith("_") and inspect.isfunction(static) and bool(static.__doc__)


def _method(name: str, method: Any) -> str:
    function = getattr(method, "__func__", getattr(method, "fget", method))
    word = "async " if inspect.iscoroutinefunction(function) else ""
    shown = name if isinstance(method, property) else f"{word}{name}{signature(function, skip=('self', 'cls'))}"
    first = " ".join((inspect.getdoc(function) or "").split())
    return f"- `{shown}`: {first}"


def signature(function: Callable[..., Any], skip: Sequence[str] = ()) -> str:
    """A function's signature as it stands in the source."""
    whole = inspect.signature(function)
    kept = [parameter for name, parameter in whole.parameters.items() if name not in skip]
    # Annotations are texts, and shown in quotes; a text as a default keeps its own.
    text = re.sub(r"(: |-> )(['\"])(.*?)\2(?=[,)= ]|$)", r"\1\3", str(whole.replace(parameters=kept)))
    text = re.sub(r"'([^'\"]*)'", r'"\1"', text)
    # A function as a default has no text of its own but an address, which changes from run to run.
    return re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", text)


def members(place: str) -> str:
    """Several classes of a module: `module:One,Two`."""
    module, _, names = place.partition(":")
    return "\n\n".join(python(f"{module}:{name}") for name in names.split(","))


def literals(place: str) -> str:
    """Types whose values are a list, or that give examples of them: `module:One,Two`."""
    module, _, names = place.partition(":")
    rows = [["type", "values"]]
    for name in names.split(","):
        values = get_args(load(f"{module}:{name}"))
        # A text of a certain form has no closed list.
        examples = next((one.examples for one in values if isinstance(one, FieldInfo)), None)
        shown = ", ".join(f'`"{value}"`' for value in examples or values)
        rows.append([f"`{name}`", f"{shown} and others" if examples else shown])
    return table(rows)


def events(place: str) -> str:
    """The events of jobs with their details."""
    rows = [["event", "when", "details"]]
    for name, kind in load(place).items():
        rows.append([f"`{name}`", kind.when, "; ".join(f"`{key}`: {text}" for key, text in kind.details.items())])
    return table(rows)


def doc(place: str) -> str:
    """A module's or class's own text."""
    return _paragraphs(load(place) if ":" in place else import_module(place))


# --- the command line ------------------------------------------------------------------------------------


def commands(place: str) -> str:
    """Every command with every argument and option."""
    return "\n\n".join(_commands(load(place), "reelwork", None))


def _commands(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## `{name}`\n\n```text\n{name} {usage}\n```\n\n{_help(command)}"
    rows = [_option(parameter, context) for parameter in command.get_params(context)]
    shown = [row for row in rows if row]
    if shown:
        yield table([["option", "meaning"], *shown])
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            assert child is not None
            yield from _commands(child, f"{name} {child_name}", context)


def _help(command: click.Command) -> str:
    parts = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(
        f"```text\n{part.removeprefix(chr(8)).strip(chr(10))}\n```"
        if part.startswith("\b")
        else " ".join(part.split())
        for part in parts
    )


def _option(parameter: click.Parameter, context: click.Context) -> list[str] | None:
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return None
    record = parameter.get_help_record(context)
    assert record is not None
    names, meaning = record
    return [f"`{names}`", meaning]


# --- other facts -----------------------------------------------------------------------------------------


def file(place: str) -> str:
    """A file of the project, whole."""
    kind = {".py": "python", ".toml": "toml"}.get(Path(place).suffix, "text")
    return f"```{kind}\n{(ROOT / place).read_text(encoding='utf-8').rstrip()}\n```"


def platforms(place: str) -> str:
    """The platforms that come with Reelwork."""
    rows = [["platform", "also", "shape", "longest", "style words", "title", "caption", "hashtags"]]
    for one in load(place):
        limits = [str(limit or "–") for limit in (one.title_limit, one.caption_limit, one.hashtag_limit)]
        also = ", ".join(one.aliases) or "–"
        rows.append([f"`{one.name}`", also, one.aspect_ratio, f"{one.longest_duration:g} s", one.style, *limits])
    return table(rows)


def faults(place: str) -> str:
    """Each fault of the simulator, with the operations at which it can be switched on."""
    rows = [["at", "fault", "what happens"]]
    for kind in load(place):
        value = {"none": "", "seconds": "=SECONDS", "text": "=TEXT"}[kind.value]
        value = f"[{value}]" if kind.default else value
        operations = ", ".join(f"`{operation}`" for operation in kind.operations)
        rows.append([operations, f"`{kind.name}{value}`", kind.meaning])
    return table(rows)


def dialects(place: str) -> str:
    """How servers differ."""
    rows = [["dialect", "create is sent as", "also takes", "an unknown create is", "DELETE stops a render"]]
    for one in load(place).values():
        form = "multipart" if one.multipart else "JSON"
        found = {"lookup": "looked up in the list", "none": "held for a person", "key": "sent again with its key"}
        takes = ", ".join(sorted(one.parameters)) or "–"
        stops = "yes" if one.delete_aborts else "no"
        rows.append([f"`{one.name}`", form, takes, found[one.idempotency.value], stops])
    return table(rows)


def model_prices(place: str) -> str:
    """What is known of models by name."""
    rows = [["model", "lengths in seconds", "sizes and US dollars a second", "as of"]]
    for name, data in load(place).items():
        lengths = ", ".join(f"{length:g}" for length in data.durations)
        prices = ", ".join(f"{size} {price}" for size, price in data.prices.items())
        rows.append([f"`{name}`", lengths, prices, str(data.as_of)])
    return table(rows)


def model_inputs(place: str) -> str:
    """What models take, and their prices by height."""
    rows = [["model", "lengths in seconds", "heights, with US dollars a second where known", "pictures"]]
    for name, data in load(place).items():
        whole = data.durations == tuple(range(int(data.durations[0]), int(data.durations[-1]) + 1))
        each = ", ".join(f"{length:g}" for length in data.durations)
        lengths = f"{data.durations[0]:g} to {data.durations[-1]:g}" if whole else each
        prices = data.prices.per_second if data.prices else {}
        heights = ", ".join(f"{one} {prices[one]}" if one in prices else one for one in data.resolutions)
        frames = [
            f"{role}{' (must be given)' * (role in data.needs)}" for role in data.inputs if role.endswith("_frame")
        ]
        rows.append([f"`{name}`", lengths, heights, ", ".join(frames) or "–"])
    return table(rows)


def retirements(place: str) -> str:
    """Which hosts have stopped serving what, and when."""
    rows = [["host", "models", "shut down on", "source"]]
    for one in load(place):
        host = f"*{one.host}" if one.host.startswith(".") else one.host
        rows.append([f"`{host}`", f"`{one.model}…`" if one.model else "all", str(one.day), one.source])
    return table(rows)


def time_limits(place: str) -> str:
    """How long a hook, or a method of a provider, may take."""
    named = "hook" if "HOOK" in place else "method"
    rows = [[named, "seconds"], *([f"`{call}`", f"{seconds:g}"] for call, seconds in load(place).items())]
    return table(rows)


MAKERS: dict[str, Callable[[str], str]] = {
    maker.__name__: maker
    for maker in (
        commands, dialects, doc, events, faults, fields, file, literals, members, model_inputs, model_prices,
        operations, platforms, python, retirements, time_limits,
    )
}  # fmt: skip


def up_to_date(text: str) -> str:
    """A page with each part replaced by what the code says now."""

    def made(found: re.Match[str]) -> str:
        return f"{found[1]}\n{MAKERS[found[2]](found[3])}\n\n{found[4]}"

    return PART.sub(made, text)


def main() -> int:
    """Bring every page up to date; says which ones changed."""
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = up_to_date(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)} brought up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
