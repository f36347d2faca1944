"""What a program asks for by mistake is refused before anything is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.settings.workflow import load
from reelwork.studio.studio import Studio

PROMPT = "A lighthouse in the rain at night"


@pytest.mark.parametrize("what", [5, False, [PROMPT], (PROMPT,), {"prompt": PROMPT}, b"A lighthouse"])
def test_what_is_no_prompt_never_pays_for_the_workflow_s_own_brief(lab: Any, what: Any) -> None:
    lab.workflow["brief"]["prompt"] = PROMPT
    with pytest.raises(WorkflowInvalid, match="must be a prompt, or the Path of") as caught:
        lab.studio().run_sync(what)
    assert "Nothing was sent" in caught.value.money
    assert lab.remote.calls == 0
    assert lab.studio().run_sync().ok


@pytest.mark.parametrize("name", ["campaign.toml", "folder/Prompts.CSV", "prompts.jsonl", "prompts.txt"])
def test_a_file_s_name_as_a_text_is_not_made_as_a_prompt(lab: Any, name: str) -> None:
    for ask in (lab.studio().run_sync, lab.studio().plan_sync, lab.studio().rehearse_sync):
        with pytest.raises(WorkflowInvalid, match="looks like a file") as caught:
            ask(name)
        assert f"Path({name!r})" in caught.value.hint
    assert lab.remote.calls == 0


def test_a_prompt_may_speak_of_a_file(lab: Any) -> None:
    assert lab.studio().run_sync("A printer prints the last page of novel.txt").ok


def test_a_prompt_that_is_given_twice_is_refused(lab: Any) -> None:
    with pytest.raises(WorkflowInvalid, match="given twice"):
        lab.studio().run_sync(PROMPT, prompt="Another one")
    assert lab.remote.calls == 0


def test_what_is_raised_does_not_seem_to_come_from_a_missing_loop(lab: Any) -> None:
    with pytest.raises(NotFound) as caught:
        lab.studio().run_sync(PROMPT, platforms=["tiktock"])
    assert caught.value.__context__ is None


@pytest.mark.filterwarnings("error")
def test_within_an_event_loop_it_says_what_to_call_instead(lab: Any) -> None:
    async def notebook() -> None:
        lab.studio().run_sync(PROMPT)

    with pytest.raises(RuntimeError, match=r"run_sync was called within an event loop; use: await studio\.run"):
        asyncio.run(notebook())
    assert lab.remote.calls == 0


def test_jobs_of_a_status_that_there_is_not_are_no_empty_list(lab: Any) -> None:
    lab.studio().run_sync(PROMPT)
    with pytest.raises(NotFound, match=r"no status named 'dune'\. Did you mean 'done'"):
        lab.studio().jobs(statuses=("dune",))
    assert len(lab.studio().jobs(statuses="done")) == 1
    assert lab.studio().jobs(statuses=("held", "failed")) == []


def test_a_path_is_still_a_path(lab: Any, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text(f"{PROMPT}\n")
    assert lab.studio().run_sync(tmp_path / "prompts.txt").ok


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"workflow": ["x"]}, "workflow is"),
        ({"workflow": b"x.toml"}, "workflow is"),
        ({"workflow": {1: {}}}, "workflow is"),
        ({"settings": ["budget"]}, "settings is"),
        ({"settings": "budget.per_day=5"}, "settings is"),
        ({"store": 5}, "store is 5"),
        ({"out": ["here"]}, "out is"),
    ],
)
def test_arguments_of_a_wrong_kind_are_told_where_they_are_given(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(WorkflowInvalid, match=told) as caught:
        Studio(**wrong)
    assert "it must be" in caught.value.message


@pytest.mark.parametrize("options", [{"path": 5}, {"options": ["x"]}])
def test_a_workflow_is_loaded_from_a_path_and_settings_only(options: dict[str, Any]) -> None:
    with pytest.raises(WorkflowInvalid, match="it must be"):
        load(**options)


@pytest.mark.parametrize("call", ["retry", "cancel"])
def test_without_a_job_nothing_is_retried_or_cancelled_silently(lab: Any, call: str) -> None:
    with pytest.raises(WorkflowInvalid, match=f"{call} was called without a job"):
        getattr(lab.studio(), f"{call}_sync")()


@pytest.mark.parametrize("call", ["retry", "cancel", "resume", "reconcile"])
@pytest.mark.parametrize("name", [5, None, ["one", "two"]])
def test_what_is_no_id_names_no_job(lab: Any, call: str, name: Any) -> None:
    with pytest.raises(WorkflowInvalid, match="its id, as a text"):
        getattr(lab.studio(), f"{call}_sync")(name)


def test_a_plugin_that_does_not_exist_is_blamed_on_who_named_it(lab: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        lab.studio(settings={"plugins": {"add": ["nope"]}}).plan_sync(PROMPT)
    assert "--plugin nope asks for it" in caught.value.hint
    (tmp_path / "own.toml").write_text('plugins = ["nope"]\n')
    with pytest.raises(NotFound) as caught:
        Studio(tmp_path / "own.toml", store=tmp_path / "own.db").plan_sync(PROMPT)
    assert "own.toml lists it" in caught.value.hint
