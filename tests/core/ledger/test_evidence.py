"""The rule of evidence, row by row, and what must hold of it whatever was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.ledger.evidence import (
    MOST_PROVEN_SENDINGS,
    Answer,
    Decision,
    Ended,
    Handle,
    Key,
    Seen,
    end,
    judge,
)

LOOKED = Seen(looked=True)
ENDS = [
    (1, Decision.SEND, Ended(Answer.NOT_SENT)),
    (1, Decision.UNKNOWN, Ended(Answer.NOT_SENT, in_doubt=True)),
    (1, Decision.UNKNOWN, Ended(Answer.SLOW_DOWN, in_doubt=True)),
    (2, Decision.UNKNOWN, Ended(Answer.EXISTS)),
    (3, Decision.NO_FUNDS, Ended(Answer.NO_FUNDS)),
    (4, Decision.SEND, Ended(Answer.SLOW_DOWN)),
    (5, Decision.REJECT, Ended(Answer.REFUSED)),
    (6, Decision.UNKNOWN, Ended(Answer.REFUSED, in_doubt=True)),
    (6, Decision.CONFIRM, Ended(Answer.ACCEPTED)),
    (6, Decision.HOLD, Ended(Answer.ACCEPTED, id_taken=True)),
    (6, Decision.UNKNOWN, Ended(Answer.UNCLEAR)),
]
ROWS = [
    (7, Decision.WAIT, Seen(settling=True, key_holds=True)),
    (7, Decision.WAIT, Seen(may_act=True, can_look=False, key_holds=True)),
    (7, Decision.WAIT, replace(LOOKED, may_act=True, absences=2)),
    (7, Decision.WAIT, replace(LOOKED, fits=True, sibling_may_act=True)),
    (8, Decision.SAME_KEY, Seen(key_holds=True)),
    (9, Decision.HOLD, Seen(can_look=False)),
    (10, Decision.CONFIRM, replace(LOOKED, handle=Handle.DONE)),
    (11, Decision.WAIT, replace(LOOKED, handle=Handle.NEVER)),
    (11, Decision.SEND, replace(LOOKED, handle=Handle.NEVER_TWICE)),
    (12, Decision.CONFIRM, replace(LOOKED, fits=True, near=True)),
    (13, Decision.HOLD, replace(LOOKED, near=True, absences=2)),
    (13, Decision.HOLD, replace(LOOKED, moved=True, absences=2)),
    (13, Decision.HOLD, replace(LOOKED, handle=Handle.NOT_THERE)),
    (14, Decision.WAIT, replace(LOOKED, absences=1)),
    (14, Decision.SEND, replace(LOOKED, absences=2)),
    (15, Decision.HOLD, replace(LOOKED, absences=2, sendings=2)),
    (15, Decision.HOLD, replace(LOOKED, absences=2, disbelieved=True)),
    (15, Decision.HOLD, LOOKED),
    (15, Decision.HOLD, replace(LOOKED, handle=Handle.NOT_YET)),
    (15, Decision.SEND, replace(LOOKED, free=True)),
]
SENDS = (Decision.SEND, Decision.SAME_KEY)
DOUBTS = ("may_act", "settling", "sibling_may_act", "near", "moved", "disbelieved")


def seen() -> st.SearchStrategy[Seen]:
    flags = {name: st.booleans() for name in (*DOUBTS, "key_holds", "can_look", "looked", "fits", "free")}
    handles = st.one_of(st.none(), st.sampled_from(Handle))
    return st.builds(Seen, handle=handles, absences=st.integers(0, 3), sendings=st.integers(1, 4), **flags)


@pytest.mark.parametrize(("row", "decision", "ended"), ENDS)
def test_what_the_end_of_an_attempt_means(row: int, decision: Decision, ended: Ended) -> None:
    judged = end(ended)
    assert (judged.row, judged.decision) == (row, decision)
    assert judged.why


@pytest.mark.parametrize(("row", "decision", "facts"), ROWS)
def test_what_becomes_of_an_unknown_outcome(row: int, decision: Decision, facts: Seen) -> None:
    judged = judge(facts)
    assert judged is not None
    assert (judged.row, judged.decision) == (row, decision)
    assert judged.why


def test_where_nothing_is_decided_before_it_is_looked_up() -> None:
    assert judge(Seen()) is None
    assert judge(Seen(absences=1, near=True)) is not None


@given(st.builds(Ended, st.sampled_from(Answer), in_doubt=st.booleans(), id_taken=st.booleans()))
def test_an_attempt_is_over_for_good_or_open_again_only_without_an_earlier_doubt(ended: Ended) -> None:
    judged = end(ended)
    if judged.decision in (Decision.SEND, Decision.REJECT):
        assert not ended.in_doubt
        assert ended.answer in (Answer.NOT_SENT, Answer.SLOW_DOWN, Answer.REFUSED)
    if judged.decision is Decision.CONFIRM:
        assert not ended.id_taken


@given(seen())
def test_it_is_sent_again_only_with_proof(facts: Seen) -> None:
    judged = judge(facts)
    if judged is None or judged.decision not in SENDS:
        return
    assert not facts.may_act
    assert not facts.settling
    if judged.decision is Decision.SAME_KEY:
        assert facts.key_holds
        return
    never = facts.handle is Handle.NEVER_TWICE
    absent = facts.absences >= 2 and facts.sendings < MOST_PROVEN_SENDINGS and not facts.disbelieved
    assert facts.free or never or (absent and not facts.near and not facts.moved)


@given(seen(), st.sampled_from(DOUBTS))
def test_more_doubt_never_turns_holding_into_sending(facts: Seen, doubt: str) -> None:
    before, after = judge(facts), judge(replace(facts, **{doubt: True}))
    if after is not None and after.decision in SENDS:
        assert before is not None
        assert before.decision in (*SENDS, Decision.CONFIRM)


@given(seen())
def test_less_evidence_never_turns_holding_into_sending(facts: Seen) -> None:
    less = [replace(facts, absences=n) for n in range(facts.absences)]
    less += [replace(facts, sendings=n) for n in range(facts.sendings + 1, 6)]
    if facts.key_holds:
        less.append(replace(facts, key_holds=False, free=False, absences=0, handle=None))
    before = judge(facts)
    for fewer in less:
        after = judge(fewer)
        if after is not None and after.decision in SENDS:
            assert before is not None
            # Where another one costs nothing, no evidence is needed; one absence alone is still looked at twice.
            assert before.decision in SENDS or (facts.free and before.decision is Decision.WAIT)


@given(seen())
def test_looking_can_only_be_what_is_missing(facts: Seen) -> None:
    judged = judge(facts)
    assert judged is not None or not facts.looked


AGES = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1e6), AGES, st.floats(-1e6, 1e6))
def test_a_key_holds_for_half_its_validity_by_both_clocks(
    endpoint: bool, credential: bool, body: bool, valid_for: float, age: float | None, wall_age: float
) -> None:
    key = Key(endpoint, credential, body, valid_for, age, wall_age)
    if key.holds:
        assert (endpoint, credential, body) == (True, True, True)
        assert age is not None
        assert 0 <= age < valid_for / 2
        assert 0 <= wall_age < valid_for / 2


def test_a_key_without_end_holds_after_a_restart_of_the_machine() -> None:
    key = Key(True, True, True, float("inf"), None, -5.0)
    assert key.holds
    assert not replace(key, same_body=False).holds
    assert not replace(key, valid_for=86_400).holds
