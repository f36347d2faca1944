"""Jinja's language, without what could reach Python's objects, or take time or memory without end.

Jinja's sandbox guards attributes. It leaves calls of methods, `range`, macros and filters such as `center`, by each
of which a line of text fills the memory. So everything is refused that was not looked at: a template has names,
loops over lists, conditions, operators and the filters of `filters`, and each step of it is counted.
"""

from __future__ import annotations

import math
import operator as operators
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from reelwork_plugins.transforms.template.variables import NAMES
from reelwork_plugins.transforms.template.work import Refused, TooLong, Work, plain, sized

if TYPE_CHECKING:
    from jinja2 import Template, Undefined, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["Refused", "TooLong", "checked", "rendered"]

LONGEST_SOURCE = 20_000
"""Characters of a template."""
WORK = " work"
"""The name of the count in a template's context. No template can write it."""
LARGEST_NUMBER = 10**15
CALCULATIONS: Mapping[str, Callable[[Any, Any], float]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
    "//": operators.floordiv,
    "%": operators.mod,
}
INSTEAD = {
    "Call": "functions cannot be called; use a filter, as in {{ vars.name|upper }}",
    "Macro": "macros are not supported",
    "CallBlock": "macros are not supported",
    "Include": "other templates cannot be included",
    "Import": "other templates cannot be included",
    "FromImport": "other templates cannot be included",
    "Extends": "other templates cannot be included",
    "Block": "blocks are not supported",
    "Pow": "** is not supported",
    "Dict": "a mapping cannot be written here; put its values into vars",
    "AssignBlock": "{% set %} takes a value: {% set name = value %}",
    "FilterBlock": "a filter follows its value: {{ value|upper }}",
    "NSRef": "only names can be set",
}
LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
"""The facts of a loop that `loop` has."""


def checked(source: str) -> None:
    """Read a template. Raises `ValueError` with the line of what it cannot have."""
    _compiled(source)


def rendered(source: str, known: Mapping[str, Any], name: str, longest: int) -> str:
    """Return the text that a template gives, without space around it.

    `name` is what it is called. Raises `Refused` with the line, and `TooLong` for more than `longest` characters.
    """
    from jinja2 import UndefinedError

    template = _compiled(source)
    try:
        return _text(template.root_render_func(template.new_context({**known, WORK: Work()})), longest)
    except TooLong as error:
        raise TooLong(f"{name}: {error}") from None
    except (Refused, UndefinedError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
        line = _line(template, error)
        raise Refused(f"{name}, line {line}: {' '.join(str(error).split()) or type(error).__name__}") from None


def _text(pieces: Iterable[str], longest: int) -> str:
    kept: list[str] = []
    length = 0
    # While it comes: a text that is too long must not be made whole first.
    for piece in pieces:
        length += len(piece)
        # Twice as much, since the space around it does not count.
        if length > 2 * longest:
            raise TooLong(f"the result has more than {longest} characters")
        kept.append(piece)
    text = "".join(kept).strip()
    if len(text) > longest:
        raise TooLong(f"the result has {len(text)} characters; at most {longest}")
    return text


def _line(template: Template, error: BaseException) -> int:
    """Return the line of the template in which an error was raised."""
    found, at = 1, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code is getattr(template.root_render_func, "__code__", None):
            found = template.get_corresponding_lineno(at.tb_lineno)
        at = at.tb_next
    return found


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    from jinja2 import TemplateSyntaxError

    if len(source) > LONGEST_SOURCE:
        raise ValueError(f"{len(source)} characters; a template has at most {LONGEST_SOURCE}")
    try:
        return _environment().from_string(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno}: {_in_our_words(error.message or 'it cannot be read')}") from None
    except (RecursionError, SyntaxError, MemoryError):
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        # Python reads no number of thousands of digits.
        raise ValueError(f"it cannot be read: {error}") from None


def _in_our_words(message: str) -> str:
    known = {"No filter": "filters", "No test": "tests"}
    for start, kind in known.items():
        if message.startswith(start):
            names = ", ".join(sorted(name for name in getattr(_environment(), kind) if name.isidentifier()))
            return f"{message.rstrip('.')[0].lower()}{message.rstrip('.')[1:]}; there are: {names}"
    return message.rstrip(".")


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    """Return the environment, made with the first template: Jinja is read by who uses it."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from reelwork_plugins.transforms.template.filters import FILTERS, TESTS

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

        def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
            return _bounded(super()._parse(source, name, filename))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            return _calculated(context[WORK], operator, plain(left), plain(right))

        def getattr(self, obj: Any, attribute: str) -> Any:
            return _member(self, obj, attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            return _item(self, obj, argument)

    made = Environment(
        undefined=_missing(), finalize=plain, optimized=False, trim_blocks=True, lstrip_blocks=True, cache_size=0
    )
    made.globals.clear()
    made.filters, made.tests = dict(FILTERS), dict(TESTS)
    return made


def _missing() -> type[Undefined]:
    """Return what stands for a value that is not there: using it says what there is."""
    from jinja2 import StrictUndefined
    from jinja2.utils import missing

    class Missing(StrictUndefined):
        @property
        def _undefined_message(self) -> str:
            if self._undefined_hint:
                return self._undefined_hint
            there = self._undefined_obj
            if there is missing:
                return f"there is no {self._undefined_name!r} here"
            if there is None:
                return f"there is nothing to take {self._undefined_name!r} from; test for it first: {{% if … %}}"
            if isinstance(there, Mapping):
                names = ", ".join(map(str, there)) or "nothing"
                return f"there is no {self._undefined_name!r}; there are: {names:.300}"
            return f"there is no {self._undefined_name!r}"

    return Missing


def _member(environment: Any, obj: Any, name: str) -> Any:
    from jinja2.runtime import LoopContext

    if isinstance(obj, Mapping) and name in obj:
        return obj[name]
    if isinstance(obj, LoopContext) and name in LOOP:
        return getattr(obj, name)
    return environment.undefined(obj=obj, name=name)


def _item(environment: Any, obj: Any, argument: Any) -> Any:
    if isinstance(obj, Mapping):
        return _member(environment, obj, argument if isinstance(argument, str) else "")
    if isinstance(obj, str | list) and isinstance(argument, int | slice):
        try:
            return obj[argument]
        except IndexError:
            return environment.undefined(f"it has {len(obj)} items, and item {argument} is asked for")
    return environment.undefined(obj=obj, name=argument)


def _calculated(work: Work, operator: str, left: Any, right: Any) -> Any:
    work.step()
    if isinstance(left, str) and isinstance(right, str) and operator == "+":
        return sized(work, left + right)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise Refused(f"{operator} takes numbers; texts are joined with ~")
    result = CALCULATIONS[operator](left, right)
    # Each multiplication doubles the digits of a number.
    if not math.isfinite(result) or abs(result) > LARGEST_NUMBER:
        raise Refused(f"{operator} gives a number that is too large")
    return result


def _bounded(template: nodes.Template) -> nodes.Template:
    """Return a template in which each loop and each joined text is counted. Raises `TemplateSyntaxError`."""
    found = list(_all(template))
    for node in found:
        _check(node)
    named = [node for node in found if type(node).__name__ == "Name"]
    known = {*NAMES, "loop", *(getattr(node, "name", "") for node in named if getattr(node, "ctx", "") == "store")}
    for node in named:
        if (name := getattr(node, "name", "")) not in known:
            _refuse(node, f"there is no {name!r} here; there are: {', '.join(NAMES)}")
    make: Any = _counting()
    transformer = make()
    counted: nodes.Template = transformer.visit(template)
    return counted


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _check(node: nodes.Node) -> None:
    kind = type(node).__name__
    if kind not in _KINDS:
        _refuse(node, INSTEAD.get(kind, f"{kind.lower()} is not supported"))
    if kind == "For" and getattr(node, "recursive", False):
        _refuse(node, "a loop cannot be recursive here")
    value = getattr(node, "value", None)
    if kind == "Const" and isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        _refuse(node, "this number is too large")


_KINDS = frozenset(
    (
        *("Template", "Output", "TemplateData", "Name", "Const", "List", "Tuple", "Getattr", "Getitem", "Slice"),
        *("Filter", "Keyword", "Test", "For", "If", "CondExpr", "Assign", "Concat", "Add", "Sub", "Mul", "Div"),
        *("FloorDiv", "Mod", "Neg", "Pos", "Not", "And", "Or", "Compare", "Operand"),
    )
)


def _refuse(node: nodes.Node, why: str) -> NoReturn:
    from jinja2 import TemplateSyntaxError

    # Some nodes that stand for a tag have no line.
    raise TemplateSyntaxError(why, node.lineno or 1)


def _counting() -> type[Any]:
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    def filtered(node: Any, name: str, *given: nodes.Expr) -> nodes.Filter:
        return nodes.Filter(node, name, list(given), [], None, None, lineno=node.lineno)

    class Counting(NodeTransformer):
        def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
            size = sum(1 for _ in _all(node))
            self.generic_visit(node)
            node.iter = filtered(node.iter, " each", nodes.Const(size, lineno=node.lineno))
            return node

        def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
            self.generic_visit(node)
            return filtered(node.nodes[0], " joined", *node.nodes[1:])

        def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
            self.generic_visit(node)
            return filtered(node, " flat")

        def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
            # The names that a loop or an assignment fills are a tuple as well.
            return node if node.ctx == "store" else self.visit_List(nodes.List(node.items, lineno=node.lineno))

    return Counting
