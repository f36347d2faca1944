from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.testing import sample_job
from reelwork_hooks.effects import Effect
from reelwork_hooks.frozen import frozen
from reelwork_hooks.models import Brief, Receipt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
CHANGES: dict[str, Callable[[Any], object]] = {
    "pop": lambda value: value.pop("a", None),
    "set": lambda value: value.__setitem__("a", 2),
    "delete": lambda value: value.__delitem__("a"),
    "update": lambda value: value.update(a=2),
    "merge": lambda value: value.__ior__({"a": 2}),
    "default": lambda value: value.setdefault("b", 2),
    "item": lambda value: value.popitem(),
    "clear": lambda value: value.clear(),
    "inner list": lambda value: value["list"].append(1),
    "inner mapping": lambda value: value["list"][0].update(x=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_mapping_in_a_value_cannot_be_changed(change: str) -> None:
    details = {"a": 1, "list": [{"x": 0}]}
    receipt = Receipt(id="r1", details=details)
    effect = Effect("key", evidence=details, prepared=details)
    for value in (receipt.details, effect.evidence, effect.prepared, receipt.replace(url="u").details):
        with pytest.raises(TypeError, match="frozen"):
            CHANGES[change](value)
    assert receipt.details == {"a": 1, "list": [{"x": 0}]}


def test_a_job_s_metadata_stays_as_it_was() -> None:
    job = sample_job()
    job = job.replace(brief=job.brief.replace(metadata={"client": "acme"}))
    with pytest.raises(TypeError):
        job.brief.metadata.pop("client")  # type: ignore[attr-defined]
    assert job.brief.metadata == {"client": "acme"}


@given(JSON)
def test_a_frozen_value_is_equal_and_travels_as_before(value: Any) -> None:
    kept = frozen({"value": value})
    assert kept == {"value": value}
    assert json.loads(json.dumps(kept)) == {"value": value}
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert copy.deepcopy(kept) == kept
    receipt = Receipt(id="r", details=kept)
    assert receipt.model_dump()["details"] == {"value": value}
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt
    assert frozen(kept) is kept


def test_a_changed_copy_is_made_as_ever() -> None:
    brief = Brief(prompt="x", metadata={"a": 1})
    assert brief.replace(metadata={**brief.metadata, "b": 2}).metadata == {"a": 1, "b": 2}


def test_what_is_left_out_is_frozen_too() -> None:
    with pytest.raises(TypeError):
        Brief(prompt="x").metadata.update(a=1)  # type: ignore[attr-defined]
    assert "metadata" not in Brief(prompt="x").model_fields_set
