"""Reads creates, each as its dialect does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reelwork_plugins.simulator.asks import Ask, no_prompt, read_litellm, read_sora, read_vllm
from reelwork_plugins.simulator.asks_openrouter import read_openrouter
from reelwork_plugins.simulator.asks_sglang import read_sglang
from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.refusals import Refused

_READERS: Mapping[str, Callable[[Form, tuple[str, ...]], Ask]] = {
    "sora": read_sora,
    "vllm-omni": read_vllm,
    "litellm": read_litellm,
    "sglang": read_sglang,
    "openrouter": read_openrouter,
}


def read_ask(form: Form, dialect: Dialect, models: tuple[str, ...]) -> Ask:
    """Read a create. `models`: the only ones served, any if empty. Raises `Refused`."""
    if form.kind not in dialect.bodies:
        raise _wrong_body(form, dialect)
    if form.problem:
        raise Refused(400, f"Could not read the request: {form.problem}.", code="invalid_body")
    return _READERS[dialect.name](form, models)


def _wrong_body(form: Form, dialect: Dialect) -> Refused:
    # vLLM-Omni 0.30.0 takes JSON for a form without fields, and misses the first of them.
    if dialect.name == "vllm-omni":
        return Refused(422, "Field required", param="prompt", code="missing")
    if form.kind == "none":
        return no_prompt()
    why = form.problem or f"give {' or '.join(sorted(dialect.bodies))}"
    return Refused(400, f"Could not read the request: {why}.", code="invalid_body")
