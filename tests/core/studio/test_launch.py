from __future__ import annotations

import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import PlanRefused, WorkflowInvalid
from reelwork.planning.batch.reading import read_batch
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.statuses import FIRST
from reelwork.studio.batch_launch import launch_rows
from reelwork.studio.launch import Launch, launch_brief
from reelwork.studio.output_folder import check_output_folder
from reelwork_hooks import Brief, Plugin, hookimpl

FAKE = "[provider]\nuse = 'fake'\n"
BRIEF = Brief(prompt="a fox", duration=4)


class Loud(Plugin):
    """Publishes where everybody sees it."""

    @hookimpl
    def publish(self) -> None: ...


def batch(pipeline: Pipeline, text: str, name: str = "rows.csv", **more: Any) -> Launch:
    path = pipeline.loaded.base_dir / name
    path.write_text(text)
    return launch_rows(pipeline, read_batch(path, pipeline.workflow.brief), **more)


def keys(launch: Launch) -> list[str]:
    return [job.key for job in launch.jobs]


ROWS = "id,prompt,platforms,takes,duration\nr1,a fox,tiktok youtube,1,4\n,an owl,,2,4\n"


# --- jobs -----------------------------------------------------------------------------------------------------


def test_a_brief_becomes_a_job_for_each_platform_and_take(workshop: Any) -> None:
    launch = launch_brief(
        workshop.build("name = 'animals'\n" + FAKE),
        BRIEF.replace(platforms=("tiktok", "x"), takes=2, seed=5),
        "run1",
    )
    assert keys(launch) == ["run:run1:tiktok:1", "run:run1:tiktok:2", "run:run1:twitter:1", "run:run1:twitter:2"]
    assert len({job.id for job in launch.jobs}) == 4
    assert {job.step for job in launch.jobs} == {FIRST}
    first, second = (JobData.model_validate_json(job.data) for job in launch.jobs[:2])
    assert (first, second) == launch.datas[:2]
    assert (first.workflow, first.provider, first.row, first.cost) == ("animals", "fake", None, 400_000)
    assert (first.spec.seed, second.spec.seed, second.take, second.takes) == (5, 6, 2, 2)
    assert launch.cost == Decimal("1.60")


def test_a_brief_is_a_new_run_each_time(workshop: Any) -> None:
    pipeline = workshop.build(FAKE)
    assert keys(launch_brief(pipeline, BRIEF, "a")) == ["run:a:-:1"]
    assert keys(launch_brief(pipeline, BRIEF, "b")) == ["run:b:-:1"]


def test_rows_that_share_a_plan_have_nothing_else_of_each_other(workshop: Any) -> None:
    text = (
        "id,prompt,platforms,takes,duration,metadata.client,title\n"
        "r1,a fox runs,tiktok youtube,2,4,acme,One\nr2,a cat runs,tiktok youtube,2,4,zeta,\nr3,an owl,,1,2,,Three\n"
        "r4,a dog runs,tiktok youtube,2,4,acme,Four\n"
    )
    launch = batch(workshop.build(FAKE), text)
    rows = read_batch(launch.pipeline.loaded.base_dir / "rows.csv", launch.pipeline.workflow.brief)
    for number in (3, 0, 2, 1, 0):
        row, plan = rows[number], launch.plans[number]
        assert plan.brief == row.brief == Brief.model_validate(row.brief.model_dump(exclude_unset=True))
        assert plan.brief.model_fields_set == row.brief.model_fields_set
        for entry in (entry for entry in launch.entries if entry.plan == number):
            data, planned = launch.made_of.data(number, entry.part), launch.made_of.job(number, entry.part)
            assert planned is plan.jobs[entry.part]
            assert (data.brief, data.row, data.take) == (row.brief, f"r{number + 1}", planned.take)
            assert data == JobData.model_validate_json(data.model_dump_json())


def test_rows_become_jobs_that_carry_the_rows_name(workshop: Any) -> None:
    launch = batch(workshop.build(FAKE), ROWS)
    assert [(data.row, data.platform and data.platform.name, data.take) for data in launch.datas] == [
        ("r1", "tiktok", 1),
        ("r1", "youtube", 1),
        ("2", None, 1),
        ("2", None, 2),
    ]
    assert len(set(keys(launch))) == 4
    assert len(launch.plans) == 2


# --- what a batch's jobs are known by -------------------------------------------------------------------------


def test_running_a_batch_again_finds_the_same_jobs(workshop: Any) -> None:
    pipeline = workshop.build(FAKE)
    first = batch(pipeline, ROWS)
    second = batch(workshop.build(FAKE + "poll_interval = 3\n[brief]\ntitle = 'x'\n"), ROWS)
    assert keys(first) == keys(second)
    assert {job.id for job in first.jobs}.isdisjoint(job.id for job in second.jobs)


def test_a_new_row_a_further_take_and_platform_add_jobs_and_keep_the_others(workshop: Any) -> None:
    pipeline = workshop.build(FAKE)
    before = set(keys(batch(pipeline, ROWS)))
    more = ROWS.replace("tiktok youtube,1", "tiktok youtube x,2") + ",a bear,,1,4\n"
    after = set(keys(batch(pipeline, more)))
    assert before < after
    assert len(after) == 2 * 3 + 2 + 1


@pytest.mark.parametrize(
    "other",
    [
        FAKE + "account = 'team'\n",
        FAKE + "model = 'other'\n",
        "[provider]\nuse = 'preview'\n",
        "[provider]\nuse = 'videos-api'\nbase_url = 'http://127.0.0.1:1'\n",
    ],
)
def test_another_provider_account_or_model_makes_new_jobs(workshop: Any, other: str) -> None:
    first, second = keys(batch(workshop.build(FAKE), ROWS)), keys(batch(workshop.build(other), ROWS))
    assert set(first).isdisjoint(second)


def test_another_file_makes_new_jobs(workshop: Any) -> None:
    pipeline = workshop.build(FAKE)
    assert set(keys(batch(pipeline, ROWS))).isdisjoint(keys(batch(pipeline, ROWS, "other.csv")))


def test_a_salt_makes_new_jobs(workshop: Any) -> None:
    pipeline = workshop.build(FAKE)
    plain, salted, again = (keys(batch(pipeline, ROWS, salt=salt)) for salt in ("", "run1", "run1"))
    assert set(plain).isdisjoint(salted)
    assert salted == again


def test_keys_are_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    program = textwrap.dedent("""
        from pathlib import Path
        from reelwork.studio.studio import Studio
        with Studio(store="store.db") as studio:
            print([job.key for job in studio.plan_sync(Path("rows.csv")).jobs])
    """)
    printed = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert printed[0].count("batch:") == 4


# --- money ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "problem"),
    [
        ("per_job = 0.39", "This would cost $0.40; the budget per_job is $0.39."),
        ("per_run = 0.79", "This would cost $0.80; the budget per_run is $0.79."),
        ("per_job = 0.399", "This would cost $0.40; the budget per_job is $0.399."),
    ],
)
def test_a_launch_over_a_ceiling_is_refused(workshop: Any, budget: str, problem: str) -> None:
    pipeline = workshop.build(f"{FAKE}[budget]\n{budget}\n")
    with pytest.raises(PlanRefused) as caught:
        launch_brief(pipeline, BRIEF.replace(takes=2), "run1")
    assert caught.value.message == problem
    assert caught.value.money == "Nothing was sent, nothing was spent."


@pytest.mark.parametrize("budget", ["per_job = 0.40\nper_run = 0.80", "per_day = 0.01", "per_month = 0"])
def test_a_launch_within_its_ceilings_goes_on(workshop: Any, budget: str) -> None:
    """What a day or month may still cost is for the ledger to say, when the money is reserved."""
    pipeline = workshop.build(f"{FAKE}[budget]\n{budget}\n")
    assert len(launch_brief(pipeline, BRIEF.replace(takes=2), "run1").jobs) == 2


def test_all_rows_count_for_the_run(workshop: Any) -> None:
    with pytest.raises(PlanRefused, match=r"cost \$0.80; the budget per_run"):
        batch(workshop.build(f"{FAKE}[budget]\nper_run = 0.79\n"), "prompt,duration\na fox,4\nan owl,4\n")


@pytest.mark.parametrize("ceiling", ["per_job", "per_run", "per_day", "per_month"])
def test_an_unknown_price_under_a_budget_is_refused_unless_allowed(workshop: Any, ceiling: str) -> None:
    workshop.remote.price = None
    budget = f"{FAKE}[budget]\n{ceiling} = 100\n"
    with pytest.raises(PlanRefused, match="the price of these renders is not known") as caught:
        launch_brief(workshop.build(budget), BRIEF, "run1")
    assert "price_per_second" in caught.value.hint
    allowed = launch_brief(workshop.build(budget + "allow_unknown_price = true\n"), BRIEF, "run1")
    assert allowed.cost is None
    assert allowed.datas[0].cost is None
    known = f"{FAKE}price_per_second = 0.05\n[budget]\n{ceiling} = 100\n"
    assert launch_brief(workshop.build(known), BRIEF, "run1").cost == Decimal("0.20")


def test_an_unknown_price_without_a_budget_is_fine(workshop: Any) -> None:
    workshop.remote.price = None
    assert launch_brief(workshop.build(FAKE), BRIEF, "run1").cost is None


# --- takes and posts ------------------------------------------------------------------------------------------


def test_takes_for_a_public_destination_need_a_word_on_which_are_published(workshop: Any) -> None:
    workshop.catalog.add("loud", Loud)
    pipeline = workshop.build(f"{FAKE}[plugins]\npublish = ['gallery', 'loud']\n")
    with pytest.raises(PlanRefused, match="3 takes would make as many posts at loud") as caught:
        launch_brief(pipeline, BRIEF.replace(takes=3), "run1")
    assert 'publish_takes = "first" or "all"' in caught.value.hint
    for choice in ("first", "all"):
        assert len(launch_brief(pipeline, BRIEF.replace(takes=3, publish_takes=choice), "run1").jobs) == 3
    assert len(launch_brief(pipeline, BRIEF, "run1").jobs) == 1
    with pytest.raises(PlanRefused, match="2 takes"):
        batch(pipeline, "prompt,n\na fox,1\nan owl,2\n")


def test_takes_that_stay_on_this_machine_need_none(workshop: Any) -> None:
    assert len(launch_brief(workshop.build(FAKE), BRIEF.replace(takes=3), "run1").jobs) == 3


# --- refusals -------------------------------------------------------------------------------------------------


def test_a_row_the_provider_cannot_make_is_named(workshop: Any, tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r"rows\.csv, line 3: The provider 'fake' cannot make this") as caught:
        batch(workshop.build(FAKE), "prompt,quality\na fox,standard\nan owl,hd\n")
    assert "  - quality: fake has no quality" in caught.value.message


def test_an_output_folder_is_made_and_tried(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "a/b")
    assert list((tmp_path / "a/b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(WorkflowInvalid, match="is a file"):
        check_output_folder(tmp_path / "file")
    with pytest.raises(WorkflowInvalid, match="cannot be written: Not a directory"):
        check_output_folder(tmp_path / "file/below")


def test_ten_thousand_rows_become_jobs_of_their_own(workshop: Any) -> None:
    rows = "prompt,duration,platforms\n" + "".join(f"a fox {n},4,tiktok\n" for n in range(10_000))
    launch = batch(workshop.build(FAKE), rows)
    assert len(set(keys(launch))) == 10_000
    assert launch.cost == 4000
