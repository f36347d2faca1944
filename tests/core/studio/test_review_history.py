"""What people have changed of a post since its latest approval, from the job's story."""

from __future__ import annotations

import json
from typing import Any

from reelwork.redaction.redactor import Redactor, forget, remember
from reelwork.server.pages.rendering import changed
from reelwork.store.records import EventRow
from reelwork.studio.review_history import Edit, Edits, edits_of


def story(*lines: tuple[str, dict[str, Any]]) -> list[EventRow]:
    return [EventRow(at, "job", float(at), name, json.dumps(details)) for at, (name, details) in enumerate(lines)]


def edited(by: str, *, approved: bool = False, **changes: list[Any]) -> tuple[str, dict[str, Any]]:
    return "edited", {"by": by, "changes": {"shop": changes}, "approved": approved}


def approved(by: str, *destinations: str) -> tuple[str, dict[str, Any]]:
    return "reviewed", {"decision": "approved", "by": by, "seen": dict.fromkeys(destinations, "hash")}


RAIN, FOG = edited("Ana", caption=["Rain", "Fog"]), edited("Ben", caption=["Fog", "Snow"])


def test_changes_add_up_and_say_who_made_them() -> None:
    assert edits_of("shop", story(RAIN, FOG)) == Edits("", ("Ana", "Ben"), (Edit("caption", "Rain", "Snow"),))
    assert edits_of("club", story(RAIN)) is None
    assert edits_of("shop", story()) is None


def test_what_was_changed_back_is_no_change() -> None:
    assert edits_of("shop", story(RAIN, edited("Ben", caption=["Fog", "Rain"]))) is None


def test_an_approval_begins_anew_for_the_posts_it_is_about() -> None:
    assert edits_of("shop", story(RAIN, approved("Cy", "shop"))) is None
    after = edits_of("shop", story(RAIN, approved("Cy", "shop"), FOG))
    assert after == Edits("Cy", ("Ben",), (Edit("caption", "Fog", "Snow"),))
    other = edits_of("shop", story(RAIN, approved("Cy", "club"), FOG))
    assert other == Edits("", ("Ana", "Ben"), (Edit("caption", "Rain", "Snow"),))
    at_once = edited("Ana", approved=True, caption=["Rain", "Fog"])
    assert edits_of("shop", story(at_once, FOG)) == Edits("Ana", ("Ben",), (Edit("caption", "Fog", "Snow"),))


def test_another_video_is_another_post() -> None:
    redo = ("reviewed", {"decision": "redo", "by": "Cy"})
    assert edits_of("shop", story(approved("Cy", "shop"), RAIN, redo)) is None
    assert edits_of("shop", story(approved("Cy", "shop"), redo, FOG)) == Edits(
        "", ("Ben",), (Edit("caption", "Fog", "Snow"),)
    )


def test_values_of_every_kind_are_read() -> None:
    options = [{"cw": None}, {"cw": "wet"}]
    lines = edited("", hashtags=[["sea"], ["sea", "sky"]], options=options, pinned=[False, True])
    found = edits_of("shop", story(lines))
    assert found is not None
    assert found.by == ()
    told = [(one.before, one.after) for one in found.fields]
    assert told == [("sea", "sea, sky"), ("cw: ", "cw: wet"), ("false", "true")]


def test_a_secret_is_masked_before_its_text_is_cut_into_pieces() -> None:
    known = Redactor()
    known.add("hush hush and hush again")
    remember(known)
    try:
        pieces = changed("It is hush hush and hush again", "It is hush hush or hush again")
    finally:
        forget(known)
    assert pieces[0].text == "It is "
    assert not any("and" in piece.text for piece in pieces)
