"""The four plugins that prove the contract stay small: at most 500 lines of code each, in all files of the folder.

A line of code is one that holds a token other than a comment, and is no part of a docstring: blank lines, comments,
docstrings and the sentences below fields do not count. Everything else does, imports and tables of models, too.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

import reelwork_plugins

ROOT = Path(reelwork_plugins.__file__).parent
MOST = 500
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    tokenize.ENCODING,
}  # fmt: skip


def lines_of_code(source: str) -> int:
    """Count the lines of code in a file."""
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            said |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - said)


@pytest.mark.parametrize(
    "plugin", ["providers/fal", "providers/kling", "publishers/mastodon", "publishers/youtube"]
)
def test_a_plugin_that_proves_the_contract_is_small(plugin: str) -> None:
    files = sorted((ROOT / plugin).rglob("*.py"))
    counted = {path.name: lines_of_code(path.read_text(encoding="utf-8")) for path in files}
    assert 100 < sum(counted.values()) <= MOST, counted


def test_what_counts_is_what_a_person_would_call_code() -> None:
    source = (
        '"""Doc."""\n\n# A comment.\nA = 1  # One.\n"""Meaning."""\n\n\ndef b() -> str:\n    """Doc\n    more."""\n'
    )
    assert lines_of_code(source + '    return """two\nlines"""\n') == 4
