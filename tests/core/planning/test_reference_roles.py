"""Roles and times of references: refused unless a provider declares them. Briefs without them stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from reelwork.cli.options import ROLES
from reelwork.errors import PlanRefused, WorkflowInvalid
from reelwork.ids import fingerprint
from reelwork.planning.batch.cells import contents_of, same_meaning
from reelwork.planning.batch.reading import read_batch
from reelwork.planning.job_state import JobData
from reelwork.planning.plan import make_plan
from reelwork_hooks import (
    Brief,
    Capabilities,
    Idempotency,
    ProviderConfig,
    Reference,
    ReferenceRole,
    RenderRequest,
    Spec,
)

FIRST, LAST = {"source": "a.png", "role": "first_frame"}, {"source": "b.png", "role": "last_frame"}
PLAIN = [{"source": "a.png"}, {"source": "https://example.org/b.png"}]
SPEC = Spec(width=854, height=480, aspect_ratio="16:9", resolution="480p", duration=4)


def can(*roles: Any, at: bool = False) -> Capabilities:
    return Capabilities(idempotency=Idempotency.KEY, references=4, reference_roles=roles, reference_at=at)


def brief(*references: Any) -> Brief:
    return Brief.model_validate({"prompt": "A fox", "references": references, "metadata": {"a": 1}, "duration": 4})


def refused(able: Capabilities, *references: Any) -> str:
    with pytest.raises(PlanRefused) as caught:
        make_plan(brief(*references), (), able, ProviderConfig(), "them")
    return caught.value.message.partition("\n  - references: ")[2]


# --- what the provider declares ---------------------------------------------------------------------------------


def test_a_provider_that_declares_nothing_is_never_sent_a_role_or_a_time() -> None:
    assert refused(can(), LAST) == "them takes no reference as last_frame; leave out the role"
    told = refused(can(), {"source": "a.png", "at": 2.5})
    assert told == "them takes no time for a reference; leave out at = 2.5"


def test_each_role_that_is_not_declared_is_named() -> None:
    told = refused(can("first_frame", "subject"), FIRST, LAST, {"source": "c.mp3", "role": "audio"})
    assert told == (
        "them takes no reference as last_frame; it takes first_frame, subject; "
        "them takes no reference as audio; it takes first_frame, subject"
    )


def test_declared_roles_and_times_are_planned_and_shown() -> None:
    able = can("first_frame", "last_frame", "subject", at=True)
    plan = make_plan(
        brief(FIRST, LAST, {"source": "c", "role": "subject", "at": 2}, {"source": "d"}),
        (), able, ProviderConfig(), "them",
    )  # fmt: skip
    (fate,) = [fate for fate in plan.jobs[0].fates if fate.parameter == "references"]
    assert (fate.outcome, fate.asked) == ("sent", "4: first_frame, last_frame, subject at 2 s, no role")


def test_two_first_frames_and_a_time_after_the_end_are_refused() -> None:
    assert refused(can("first_frame"), FIRST, FIRST) == "2 are first_frame; a video has one"
    assert refused(can(at=True), {"source": "a", "at": 4.5}) == "at 4.5 s; the video ends at 4 s"


def test_a_first_frame_has_its_place() -> None:
    with pytest.raises(ValidationError, match="a first_frame has its place: leave out `at`"):
        Reference(source="a.png", role="first_frame", at=1)


# --- identity ---------------------------------------------------------------------------------------------------


def test_without_them_everything_is_stored_and_known_as_before() -> None:
    """The values were taken from the version before there were roles."""
    old = brief(*PLAIN)
    request = RenderRequest(prompt="A fox", spec=SPEC, references=old.references, metadata={"a": 1})
    assert fingerprint(request.model_dump(mode="json")) == "4d007cdd88bbce252bb1447d7603661b"
    given = {"prompt": "A fox", "references": PLAIN, "metadata": {"a": 1}, "duration": 4}
    assert contents_of(old, given, {}, str) == "0a80dd47037471c4d52956d4c021a2c0"
    stored = JobData(workflow="w", provider="preview", brief=old, spec=SPEC).model_dump_json()
    assert '"references":[{"source":"a.png"},{"source":"https://example.org/b.png"}]' in stored
    assert JobData.model_validate_json(stored).brief == old


@pytest.mark.parametrize("change", [{"role": "subject"}, {"at": 0.0}, {"role": "subject", "at": 1.0}])
def test_with_them_it_is_another_row_and_another_request(change: dict[str, Any]) -> None:
    plain, other = brief({"source": "a.png"}), brief({"source": "a.png", **change})
    assert not same_meaning(plain, other, str)
    hashes = {contents_of(one, {"references": 0}, {}, str) for one in (plain, other)}
    sent = {
        fingerprint(RenderRequest(prompt="A", spec=SPEC, references=one.references).model_dump(mode="json"))
        for one in (plain, other)
    }
    assert len(hashes) == len(sent) == 2
    assert Brief.model_validate_json(other.model_dump_json()) == other


# --- how they are written ---------------------------------------------------------------------------------------


def test_columns_of_a_table_and_objects_of_a_list_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("prompt,input_reference,reference.last_frame\nA fox,a.png,b.png\n")
    line = '{"prompt": "A fox", "references": [{"source": "b.png", "role": "last_frame"}, {"source": "a.png"}]}'
    (tmp_path / "rows.jsonl").write_text(f"{line}\n")
    (table,), (objects,) = (read_batch(tmp_path / name, {}) for name in ("rows.csv", "rows.jsonl"))
    assert table.brief == objects.brief
    assert table.identity == objects.identity
    assert table.brief.references[0] == Reference(source="b.png", role="last_frame")


def test_an_unknown_role_in_a_column_or_an_object_is_told(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("prompt,reference.lastframe\nA fox,b.png\n")
    with pytest.raises(WorkflowInvalid, match=r"Did you mean 'reference\.last_frame'"):
        read_batch(tmp_path / "rows.csv", {})
    (tmp_path / "rows.jsonl").write_text('{"prompt": "A fox", "references": [{"source": "b", "role": "end"}]}\n')
    with pytest.raises(WorkflowInvalid, match="role"):
        read_batch(tmp_path / "rows.jsonl", {})


def test_the_command_line_knows_every_role() -> None:
    assert get_args(ReferenceRole) == ROLES
