from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

from reelwork import ids
from reelwork.ids import ALPHABET, fingerprint, new_id


def test_an_id_has_sixteen_characters_that_cannot_be_misread() -> None:
    made = [new_id() for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert all(len(name) == 16 and set(name) <= set(ALPHABET) for name in made)
    assert not set("ilou") & set(ALPHABET)


def test_ids_sort_by_age() -> None:
    times = [0, 31, 32, 1_700_000_000, 1_700_000_001, 32**7 - 1]
    prefixes = [ids._encode(seconds, 7) for seconds in times]
    assert prefixes == sorted(prefixes)
    assert len(set(prefixes)) == len(times)


def test_a_fingerprint_goes_by_the_value_alone() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": (1, 2), "a": 1})
    assert fingerprint({"a": "é"}) == fingerprint({"a": "\u00e9"})
    different = [{"a": 1}, {"a": "1"}, {"a": 2}, {"b": 1}, ["a", 1], {"a": [1]}, None, "", Decimal("0.1")]
    assert len({fingerprint(value) for value in different}) == len(different)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    program = "from reelwork.ids import fingerprint; print(fingerprint({'b': ['ü', 1.5], 'a': {'x': None}}))"
    made = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert made == {fingerprint({"a": {"x": None}, "b": ["ü", 1.5]})}
