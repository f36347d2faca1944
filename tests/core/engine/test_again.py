"""Running and resuming again: with mended settings, with rows that were changed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from reelwork.cli.views.summary import result_as_json, summary
from reelwork.studio.consent import consent_for
from reelwork.studio.next_words import next_words

PROMPT = "A lighthouse in the rain at night"


def test_resume_takes_settings_that_are_laid_over_the_workflow(lab: Any) -> None:
    lab.workflow["budget"] = {"per_day": 0.15}
    assert lab.studio().run_sync(PROMPT).ok
    result = lab.studio().run_sync(PROMPT + " again")
    assert result.jobs[0].status == "held"
    assert result.jobs[0].spent == 0
    assert lab.studio().resume_sync().jobs[0].status == "held"
    result = lab.studio().resume_sync(settings={"budget": {"per_day": 1}})
    assert result.jobs[0].status == "done"
    assert result.jobs[0].spent == Decimal("0.1")


def test_the_ceiling_of_a_brand_holds_what_goes_over_it_until_it_is_raised(lab: Any) -> None:
    lab.workflow |= {"brand": "acme", "brands": {"acme": {"per_day": 0.15}, "bolt": {"per_month": 0.15}}}
    assert lab.studio().run_sync(PROMPT).ok
    (held,) = lab.studio().run_sync(PROMPT + " again").jobs
    assert (held.status, held.hold, held.spent, held.brand) == ("held", "over-budget:brand_per_day", 0, "acme")
    assert "the budget per_day of acme = 0.15" in held.reason
    assert next_words(held).endswith("--set brands.acme.per_day=AMOUNT  (with a higher amount)")
    # What another brand may spend is its own.
    lab.workflow["brand"] = "bolt"
    assert lab.studio().run_sync(PROMPT + " for others").ok
    assert lab.studio().resume_sync(held.id).jobs[0].status == "held"
    (job,) = lab.studio().resume_sync(held.id, settings={"brands": {"acme": {"per_day": 1}}}).jobs
    assert (job.status, job.spent, job.brand) == ("done", Decimal("0.1"), "acme")


def test_a_plan_says_what_the_ceiling_of_its_brand_leaves(lab: Any) -> None:
    lab.workflow |= {"brand": "acme", "brands": {"acme": {"per_month": 0.15}}}
    assert lab.studio().run_sync(PROMPT).ok
    consent = consent_for(lab.studio().plan_sync(PROMPT + " again"))
    assert not consent.money_agreed
    assert consent.over_budgets == (
        "The budget per_month of acme = $0.15 has $0.10 in it, $0.05 is left: what does not fit would be held.",
    )


def test_a_batch_run_again_goes_on_with_the_workflow_as_it_is_now(lab: Any, tmp_path: Any) -> None:
    batch = tmp_path / "rows.csv"
    batch.write_text(f"id,prompt\na,{PROMPT}\n")
    lab.workflow["budget"] = {"per_day": 0.05}
    assert lab.studio().run_sync(batch).jobs[0].status == "held"
    lab.workflow["budget"] = {"per_day": 1}
    assert lab.studio().run_sync(batch).ok


def test_a_row_that_was_changed_is_told(lab: Any, tmp_path: Any) -> None:
    batch = tmp_path / "rows.csv"
    batch.write_text(f"id,prompt\na,{PROMPT}\n")
    assert lab.studio().run_sync(batch).notes == ()
    batch.write_text(f"id,prompt\na,{PROMPT} and fog\n")
    result = lab.studio().run_sync(batch)
    assert result.ok
    assert "row a was changed" in result.notes[0]
    assert len(lab.remote.creates) == 1


def test_what_an_earlier_run_of_the_file_left_open_is_told(lab: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    flow = Path("flow.toml")
    flow.write_text(
        f'[brief]\nprompt = "{PROMPT}"\nduration = 1\n'
        '[provider]\nuse = "fake"\npoll_interval = 0.01\ndeadline = 0.05\n'
        "[plugins]\npre_moderate = []\nprompt_transform = []\npost_download = []\npublish = []\n"
    )
    lab.remote.polls_needed = 10**6
    assert lab.studio().run_sync(flow).notes == ()
    lab.remote.polls_needed = 0
    result = lab.studio().run_sync(flow)
    assert result.ok
    assert "1 job of earlier runs" in result.notes[0]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "flow.toml").write_text(flow.read_text())
    monkeypatch.chdir(tmp_path / "other")
    assert not any("earlier runs" in note for note in lab.studio().run_sync(flow).notes)


def test_what_earlier_runs_spent_is_told_apart(lab: Any, tmp_path: Any) -> None:
    batch = tmp_path / "rows.csv"
    batch.write_text(f"id,prompt\na,{PROMPT}\n")
    first = lab.studio().run_sync(batch)
    assert (first.spent, first.spent_before) == (Decimal("0.1"), 0)
    assert "1 job: 1 done. Spent: $0.10." in summary(first)
    batch.write_text(f"id,prompt\na,{PROMPT}\nb,{PROMPT} and fog\n")
    second = lab.studio().run_sync(batch)
    assert (second.spent, second.spent_before) == (Decimal("0.1"), Decimal("0.1"))
    assert "Spent: $0.10 (by earlier runs of the same jobs: $0.10)." in summary(second)
    third = lab.studio().run_sync(batch)
    assert "Spent: nothing (by earlier runs of the same jobs: $0.20)." in summary(third)
    assert result_as_json(third, 0)["spent"] == "0"


def test_a_new_render_that_a_person_asked_for_is_spent_by_the_run_that_made_it(lab: Any) -> None:
    lab.remote.outcome = "failed"
    [failed] = lab.studio().run_sync(PROMPT).jobs
    assert failed.status == "failed"
    lab.remote.outcome = "completed"
    again = lab.studio().retry_sync(failed.id)
    assert (again.spent, again.spent_before) == (Decimal("0.1"), Decimal("0.1"))


def test_renders_of_unknown_price_are_told_apart_too(lab: Any, tmp_path: Any) -> None:
    lab.remote.price = None
    batch = tmp_path / "rows.csv"
    batch.write_text(f"id,prompt\na,{PROMPT}\n")
    assert "Spent: 1 render whose price is not known." in summary(lab.studio().run_sync(batch))
    again = "Spent: nothing (by earlier runs of the same jobs: 1 render whose price is not known)."
    assert again in summary(lab.studio().run_sync(batch))


def test_rows_that_were_changed_by_a_setting_are_told_in_one_note(lab: Any, tmp_path: Any) -> None:
    batch = tmp_path / "rows.csv"
    batch.write_text("id,prompt\n" + "".join(f"r{number},{PROMPT} {number}\n" for number in range(12)))
    lab.studio().run_sync(batch)
    [note] = lab.studio().run_sync(batch, resolution="720p").notes
    assert note.startswith(
        "rows r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 and 2 more were changed since the first run"
    )
