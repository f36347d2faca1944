"""`--trace-hooks`: what a call of a hook is told as, and that telling changes nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import HookFailed
from reelwork.plugins.catalog import new_manager
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.plugins.observing import HookCall
from reelwork.plugins.trace import LONGEST, Tracer, differences, trace_lines
from reelwork.redaction.redactor import Redactor
from reelwork.testing import (
    call_hook,
    sample_clip,
    sample_content,
    sample_effect,
    sample_event,
    sample_job,
    sample_post,
    sample_prompt,
)
from reelwork_hooks import (
    Absent,
    Asset,
    Candidate,
    Found,
    Listing,
    NotDone,
    Plugin,
    Prompt,
    Receipt,
    Role,
    Unavailable,
    Unsure,
    Verdict,
    hookimpl,
)

PROMPT, JOB = sample_prompt(), sample_job()


class Loud(Plugin):
    """Shouts."""

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=prompt.text.upper())


def told(hook: str, answer: Any = None, error: BaseException | None = None, **arguments: Any) -> list[str]:
    return list(trace_lines(HookCall("mine", hook, 0.0124, arguments, answer, error)))


@pytest.mark.parametrize(
    ("hook", "answer", "arguments", "line"),
    [
        ("pre_moderate", None, {"content": sample_content()}, "(stage brief)  12.4 ms  no answer"),
        ("pre_moderate", Verdict.reject("no foxes"), {"job": JOB}, "(job b000001)  12.4 ms  reject: no foxes"),
        ("prompt_transform", None, {"prompt": PROMPT}, "12.4 ms  unchanged"),
        ("prompt_transform", PROMPT, {"prompt": PROMPT}, "unchanged"),
        ("prompt_transform", "text", {"prompt": PROMPT}, "returned str"),
        (
            "publish",
            Receipt(id="p1", url="https://x/1"),
            {"post": sample_post()},
            "(to sample)  12.4 ms  receipt p1",
        ),
        ("find_post", Found.one(Receipt(id="1")), {}, "found 1"),
        ("find_post", Absent(), {"effect": sample_effect()}, "absent, from a complete listing"),
        ("find_post", Unsure("page 2 is missing"), {}, "unsure: page 2 is missing"),
        ("find_post", Listing((Candidate(Receipt(id="1")),), complete=True), {}, "listed 1, complete"),
        ("find_post", Listing(why="it repeats a page"), {}, "listed 0, not complete: it repeats a page"),
        (
            "find_post",
            NotDone(final=True, why="the key is free"),
            {},
            "not done, and never will be: the key is free",
        ),
        ("find_post", NotDone(), {}, "12.4 ms  not done yet"),
        ("prepare_publish", {"blob": 1}, {}, "returned {'blob': 1}"),
        ("job_event", None, {"event": sample_event()}, "event done)  12.4 ms  done"),
    ],
)
def test_a_call_is_one_line(hook: str, answer: Any, arguments: dict[str, Any], line: str) -> None:
    (first, *rest) = told(hook, answer, **arguments)
    assert first.startswith(f"hook  mine.{hook}")
    assert line in first or line.replace("b000001", JOB.id[-8:]) in first
    assert rest == []


def test_an_error_is_told_in_the_same_line() -> None:
    assert told("publish", error=ValueError("two\nlines"))[0].endswith("raised ValueError: ValueError: two lines")


@pytest.mark.parametrize(
    ("raised", "words"),
    [(Unavailable("busy"), "raised Unavailable: busy"), (ValueError("bad"), "raised ValueError: ValueError: bad")],
    ids=["of the contract", "of its own"],
)
def test_what_a_plugin_raises_is_told_and_not_what_led_to_it(raised: Exception, words: str) -> None:
    class Raises(Plugin):
        """Raises from something else."""

        @hookimpl
        def prepare_publish(self) -> None:
            raise raised from KeyError("led to it")

    lines: list[str] = []
    with pytest.raises((Unavailable, HookFailed)):
        call_hook(Raises, "prepare_publish", post=sample_post(), job=JOB, observer=Tracer(lines.append, Redactor()))
    assert words in lines[0]


def test_a_changed_prompt_is_told_field_by_field() -> None:
    changed = PROMPT.replace(text="A fox", title="", hashtags=("a", "b"))
    assert told("prompt_transform", changed, prompt=PROMPT)[1:] == [
        "        text",
        f"        - {PROMPT.text}",
        "        + A fox",
        "        title",
        "        - Dawn at the lighthouse",
        "        + (empty)",
        "        hashtags",
        "        - ['lighthouse', 'dawn']",
        "        + ['a', 'b']",
    ]


def test_a_file_that_was_added_is_told_by_its_role_and_path(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text("WEBVTT")
    clip = sample_clip()
    changed = clip.adding(Asset.from_file(tmp_path / "a.vtt", Role.CAPTIONS))
    assert told("post_download", changed, clip=clip)[1:] == [
        "        assets[0]",
        f"        + role captions, path {tmp_path / 'a.vtt'}",
    ]
    stored = clip.with_video(clip.video.replace(stored_at=("s3://b/k",)))
    assert ("video.stored_at", "[]", "['s3://b/k']") in list(differences(clip, stored))


def test_of_two_long_texts_what_differs_is_shown() -> None:
    long = "sunlit water " * 100
    lines = told("prompt_transform", PROMPT.replace(text=f"{long}, at night"), prompt=PROMPT.replace(text=long))
    assert lines[3].startswith("        + …")
    assert lines[3].endswith(", at night")
    assert all(len(line) <= LONGEST for line in lines)


def test_secrets_are_masked_before_anything_is_cut() -> None:
    redactor, written = Redactor(), list[str]()
    redactor.add("sk-" + "x" * 60)
    secret = "water " * 22 + "sk-" + "x" * 60
    call_hook(
        Loud, "prompt_transform", prompt=PROMPT.replace(text=secret), observer=Tracer(written.append, redactor)
    )
    assert "sk-" not in written[0].replace("SK-", "")
    assert "***" in written[0]
    assert "raised" not in written[0]


def test_the_observer_sees_each_call_with_its_time() -> None:
    seen: list[HookCall] = []
    call_hook(Loud, "prompt_transform", observer=seen.append)
    (call,) = seen
    assert (call.instance, call.hook, call.error) == ("sample", "prompt_transform", None)
    assert call.answer.text == PROMPT.text.upper()
    assert call.seconds > 0


def test_an_observer_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: HookCall) -> None:
        raise RuntimeError("no more paper")

    assert call_hook(Loud, "prompt_transform", observer=broken).text == PROMPT.text.upper()
    assert "what watches the hooks failed at sample.prompt_transform" in caplog.text


def test_an_error_passes_through_the_observer() -> None:
    class Broken(Plugin):
        """Fails."""

        @hookimpl
        async def prompt_transform(self) -> None:
            raise KeyError("x")

    seen: list[HookCall] = []
    with pytest.raises(HookFailed):
        call_hook(Broken, "prompt_transform", observer=seen.append)
    assert isinstance(seen[0].error, KeyError)


def test_without_an_observer_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def refuse() -> float:
        raise AssertionError("a clock was read")

    manager = new_manager()
    manager.register(Loud(None, None), name="loud")  # type: ignore[arg-type]
    monkeypatch.setattr(time, "perf_counter", refuse)
    answer = asyncio.run(Dispatcher(manager, {}).call("loud", "prompt_transform", prompt=PROMPT, job=JOB))
    assert answer.text == PROMPT.text.upper()
