from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.engine.renders.poll_answers import read
from reelwork.errors import PluginFailed
from reelwork.plugins.answers import look, sound
from reelwork.plugins.cleaning import Unfit, noted, received
from reelwork.plugins.guard import Callee
from reelwork.process_output import protect
from reelwork.redaction.redactor import Redactor
from reelwork.text import LONGEST_REASON, LONGEST_WORD
from reelwork_hooks.effects import Candidate, Found, Listing, Unsure
from reelwork_hooks.models import Prompt, Receipt, Verdict
from reelwork_hooks.provider import RenderStatus, Submitted

ANY_TEXT = st.text(st.characters(exclude_categories=()))
PLUGIN = Callee("plugin", "odd")
NUMBERS = st.none() | st.floats() | st.integers()


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, NUMBERS, NUMBERS, st.dictionaries(ANY_TEXT, ANY_TEXT | st.floats()))
def test_whatever_is_said_of_a_render_can_be_stored(
    word: str, code: str, message: str, progress: Any, pause: Any, details: Any
) -> None:
    said = RenderStatus.model_construct(
        remote_id="r1", state="running", word=word, error_code=code, error_message=message, progress=progress,
        poll_after=pause, details=details,
    )  # fmt: skip
    status = received(said)
    assert status.model_dump_json().encode()
    assert json.dumps(dict(status.details), allow_nan=False, ensure_ascii=False).encode()
    assert len(status.word) <= LONGEST_WORD
    assert len(status.error_message) <= LONGEST_REASON
    assert status.progress is None or 0 <= status.progress <= 100
    assert status.poll_after is None or 0 <= status.poll_after <= 3600


def test_what_is_fit_stays_the_same_object() -> None:
    for answer in (
        Submitted(remote_id="r1", details={"a": [1]}),
        RenderStatus(remote_id="r1", state="failed", word="failed", error_message="no", progress=3.5),
        Receipt(id="p1", url="https://example.org/p1", at=datetime.now(UTC)),
        Verdict.hold("look at it", "violence"),
        Prompt(text="two\nlines", caption="\u202bעברית\u202c"),
        Found((Receipt(id="p1"),)),
        Listing((Candidate(Submitted(remote_id="r1"), ref="x", fields={"prompt": "a"}),), complete=True),
    ):
        assert received(answer) is answer


@pytest.mark.parametrize("id_", ["a\nb", "\ud800", "\u202egnp", "x" * 5_000, "\x1b]52;c;aGk=\x07"])
def test_an_id_that_is_not_clean_is_refused_not_changed(id_: str) -> None:
    with pytest.raises(Unfit, match="remote_id"):
        received(Submitted.model_construct(remote_id=id_, details={}, poll_after=None))
    with pytest.raises(PluginFailed, match="returned a Receipt that is not valid: id"):
        sound(PLUGIN, "publish", Receipt.model_construct(id=id_, url="", at=None, details={}), Receipt)
    bad = RenderStatus.model_construct(remote_id=id_, state="running")
    told = asyncio.run(read([bad, RenderStatus(remote_id="b", state="lost")]))
    assert list(told.told) == ["b"]
    assert "cannot be used: remote_id" in told.fault


def test_a_list_with_an_id_that_is_not_clean_proves_nothing() -> None:
    found = look(PLUGIN, "find", Found((Submitted(remote_id="a\x07"),)), Submitted)
    assert isinstance(found, Unsure)
    assert "cannot be used" in found.reason


@pytest.mark.parametrize("field", ["text", "caption", "alt_text", "title"])
def test_copy_is_refused_when_it_cannot_be_sent(field: str) -> None:
    prompt = Prompt.model_construct(**{**dict(Prompt(text="A fox")), field: "half \ud83d"})
    with pytest.raises(Unfit, match=f"{field}: character 6 is half of a character"):
        received(prompt)


def test_secrets_do_not_get_in() -> None:
    key = "sk-live-Qx7Zk2Vn9Rb4Tc8Yp1Wd6Hf3Jm5Lg0Es"
    redactor = Redactor()
    redactor.add(key)
    protect(redactor)
    with pytest.raises(Unfit, match="one of the secrets"):
        received(Submitted(remote_id=f"video_{key}"))
    said = RenderStatus(
        remote_id="r1", state="failed", word=key, error_message="y" * (LONGEST_REASON - 10) + key,
        details={"urls": [f"https://a.example/v?token={key}"], "n": 1},
    )  # fmt: skip
    status = received(said)
    assert key[:12] not in status.model_dump_json()
    assert status.details == {"n": 1}
    assert key[:12] not in json.dumps(noted({"at": f"https://a.example/{key}", "n": 1}))
