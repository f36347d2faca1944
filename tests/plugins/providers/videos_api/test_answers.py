from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reelwork_plugins.providers.videos_api import answers, words

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def read(**data: Any) -> answers.Job:
    job = answers.read_job({"id": "video_1", **data}, "http://host/base")
    assert job is not None
    return job


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", "queued"),
        ("pending", "queued"),  # OpenRouter
        ("in_progress", "running"),
        ("processing", "running"),  # Aquiles, LiteLLM before Gemini
        ("THROTTLED", "running"),
        ("rendering-the-sky", "running"),
        ("completed", "completed"),
        ("SUCCEEDED", "completed"),
        ("done", "completed"),  # xAI
        ("failed", "failed"),
        ("cancelled", "failed"),
        ("canceled", "failed"),
        ("expired", "failed"),
        ("deleted", "failed"),  # SGLang
    ],
)
def test_status_words_of_many_servers(word: str, state: str) -> None:
    assert read(status=word).state == state
    assert read(status=word).word == word


def test_a_missing_status_is_read_from_the_rest() -> None:
    assert read().state == "running"
    assert read(error="out of memory").state == "failed"
    assert read(data=[{"url": "http://host/a.mp4"}]).state == "completed"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, "", ""),
        ("out of memory", "", "out of memory"),  # TensorRT-LLM
        ({"message": "no GPU"}, "", "no GPU"),  # SGLang
        ({"code": 500, "message": "OOM"}, "500", "OOM"),  # vLLM-Omni
        ({"code": "moderation_blocked", "message": "blocked"}, "moderation_blocked", "blocked"),
        ([{"loc": ["body", "seconds"], "msg": "bad"}], "", "body.seconds: bad"),  # FastAPI
    ],
)
def test_errors_come_in_every_shape(error: Any, code: str, message: str) -> None:
    assert answers.read_error(error) == (code, message)


@pytest.mark.parametrize(
    ("value", "per_cent"),
    [
        (None, None),
        (0, 0),
        (33, 33),
        (0.5, 50),
        (33.3, 33.3),
        ("45%", 45),
        ("x", None),
        (250, 100),
        (True, None),
    ],
)
def test_progress_is_per_cent_or_unknown(value: Any, per_cent: float | None) -> None:
    assert read(status="in_progress", progress=value).progress == per_cent


def test_a_completed_job_is_whole_whatever_its_progress() -> None:
    assert read(status="completed", progress=None).progress == 100


def test_links_are_found_wherever_servers_put_them() -> None:
    assert read(url="https://cdn.example/a.mp4").urls == ("https://cdn.example/a.mp4",)
    assert read(urls=["https://a/1", "https://a/2"]).urls == ("https://a/1", "https://a/2")
    assert read(data=[{"url": "/files/a.mp4"}]).urls == ("http://host/files/a.mp4",)
    assert read(video={"url": "https://a/x"}, video_url="https://a/y").urls == ("https://a/y", "https://a/x")


def test_links_to_files_of_the_server_are_not_links() -> None:
    assert read(url="file:///srv/out.mp4").urls == ()


def test_times_come_as_seconds_milliseconds_or_text() -> None:
    assert read(created_at=1760832369).created_at == 1760832369
    assert read(created=1760832369000).created_at == 1760832369
    assert read(created_at="2026-11-23T12:00:00Z").created_at == NOW.timestamp()
    assert read(created_at=None).created_at is None
    status = answers.to_status(read(status="completed", expires_at=NOW.timestamp()))
    assert status.expires_at == NOW


def test_an_absurd_expiry_does_not_break_a_status() -> None:
    assert answers.to_status(read(expires_at=9e10 * 1e11)).expires_at is None


def test_ids_under_other_names_are_kept() -> None:
    named = answers.read_job({"task_id": 17, "status": "pending"})
    assert named is not None
    assert named.id == "17"
    assert answers.read_job({"status": "queued"}) is None
    assert answers.read_job([1]) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "99999999"}, 3600.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert answers.retry_after(headers, NOW) == seconds


def test_poll_after_prefers_its_own_header() -> None:
    assert answers.poll_after({"openai-poll-after-ms": "2000", "retry-after": "9"}, NOW) == 2
    assert answers.poll_after({"retry-after": "9"}, NOW) == 9


def test_reported_cost_is_kept() -> None:
    assert str(read(usage={"cost": 0.4}).cost) == "0.4"
    assert read(usage={"duration_seconds": 4}).cost is None


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "https://cdn.example/v"},
        {"video": "https://cdn.example/v"},
        {"output": ["https://cdn.example/v"]},
        {"videos": [{"download_url": "https://cdn.example/v"}]},
        {"result": {"video_url": "https://cdn.example/v"}},
        {"url": "http://[broken", "assets": {"uri": "https://cdn.example/v"}},
    ],
)
def test_a_link_is_found_where_servers_put_it(fields: dict[str, Any]) -> None:
    assert read(status="completed", **fields).urls == ("https://cdn.example/v",)


@pytest.mark.parametrize(
    "fields", [{"video": "draft"}, {"thumbnail_url": "https://x.example/t"}, {"url": "ftp://x/v"}]
)
def test_what_is_no_link_to_a_video_is_none(fields: dict[str, Any]) -> None:
    assert read(status="completed", **fields).urls == ()


@pytest.mark.parametrize(
    "fields", [{"url": "data:video/mp4;base64,QUJD"}, {"video": {"url": "data:video/mp4;base64,QUJD"}}]
)
def test_a_video_within_a_link_is_within_the_answer(fields: dict[str, Any]) -> None:
    job = read(status="completed", **fields)
    assert (job.inline, job.urls) == (True, ())


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ("queued", "queued pending submitted IN_QUEUE not_started waiting queueing pending_moderation"),
        ("running", "in_progress processing moderating in_moderation not_ready incomplete retrying error_retrying"),
        ("running", "cancelling PreparingModel almost_done partially_completed denoising unavailable 3 whatever"),
        ("completed", "completed Succeeded success DONE finished render_completed processing_done generated"),
        ("failed", "fail FAILED timeout timed_out TIMED-OUT aborted moderation_failed moderated rendering_failed"),
        ("failed", "content_policy_violation blocked_by_moderation denied unsuccessful Cancelled-By-User expired"),
    ],
)
def test_status_words_are_read_by_their_sense(state: str, given: str) -> None:
    assert {word: read(status=word).state for word in given.split()} == dict.fromkeys(given.split(), state)


def test_a_word_of_megabytes_is_not_kept() -> None:
    before = words._sense_of.cache_info().currsize
    assert words.state_of("failed " + "w" * 10_000_000) == "failed"
    assert words._sense_of.cache_info().currsize <= before + 1
    assert words.state_of("w" * 10_000_000) == words.state_of("w" * 9_000_000) == "running"
    assert words._sense_of.cache_info().currsize <= before + 2
