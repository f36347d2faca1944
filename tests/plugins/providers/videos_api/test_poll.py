from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelwork_hooks import RenderRef, RenderStatus, Unavailable
from reelwork_plugins.providers.videos_api import polling

ONE = "GET /v1/videos/video_1"
LIST = "GET /v1/videos"


def poll(bench: Any, *renders: RenderRef) -> Sequence[RenderStatus]:
    statuses: Sequence[RenderStatus] = bench.run(lambda provider: provider.poll(renders))
    return statuses


def job(remote_id: str = "video_1", **data: Any) -> dict[str, Any]:
    return {"id": remote_id, "object": "video", "created_at": int(datetime.now(UTC).timestamp()), **data}


def test_progress_and_the_suggested_pause(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of(job(status="processing", progress=40), openai_poll_after_ms="2000"))
    (status,) = poll(bench(api_key="env:KEY"), ref_for("video_1"))
    assert (status.state, status.word, status.progress, status.poll_after) == ("running", "processing", 40, 2)
    assert server.asked[0].headers["authorization"] == "Bearer sk-test-1"


def test_a_gateways_other_id_does_not_rename_the_render(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    # LiteLLM 1.106.2 wraps the backend's id differently in the answers to a create and to a look.
    server.says(ONE, answer.of(job("backend-7", status="completed")))
    (status,) = poll(bench(), ref_for("video_1"))
    assert (status.remote_id, status.state) == ("video_1", "completed")


@pytest.mark.parametrize("http_status", [422, 500])
def test_a_failed_job_may_come_as_an_http_error(
    bench: Any, server: Any, ref_for: Any, answer: Any, http_status: int
) -> None:
    # vLLM-Omni gives the job's failure as the answer's own status.
    failed = job(status="failed", error={"code": http_status, "message": "CUDA out of memory"})
    server.says(ONE, answer.of(failed, http_status))
    (status,) = poll(bench(dialect="vllm-omni"), ref_for("video_1"))
    assert (status.state, status.error_code, status.error_message) == (
        "failed", str(http_status), "CUDA out of memory",
    )  # fmt: skip


def test_an_error_about_another_video_is_not_ours(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of(job("video_2", status="failed"), 500))
    with pytest.raises(Unavailable):
        poll(bench(), ref_for("video_1"))


@pytest.mark.parametrize(
    "reply",
    [
        (500, {"error": {"message": "internal"}}),
        (500, job(status="in_progress")),
        (503, None),
        (400, {"error": "odd"}),
        (200, "html"),
        (200, [1, 2]),
        (404, "html"),
    ],
)
def test_a_read_that_tells_nothing_fails_no_render(
    bench: Any, server: Any, ref_for: Any, answer: Any, reply: tuple[int, Any]
) -> None:
    status, data = reply
    server.says(ONE, answer.html(status) if data == "html" else answer.of(data, status))
    with pytest.raises(Unavailable, match=str(status)):
        poll(bench(), ref_for("video_1"))


def test_an_unknown_id_is_lost(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of({"detail": "Video not found"}, 404))
    (status,) = poll(bench(), ref_for("video_1"))
    assert (status.state, status.error_message) == ("lost", "Video not found")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_fails_no_render(bench: Any, server: Any, ref_for: Any, answer: Any, status: int) -> None:
    server.says(ONE, answer.of({"error": {"message": "key revoked"}}, status))
    with pytest.raises(Unavailable, match="key revoked") as refused:
        poll(bench(), ref_for("video_1"))
    assert "api_key" in refused.value.hint


def test_a_missing_key_fails_no_render(bench: Any, ref_for: Any) -> None:
    with pytest.raises(Unavailable, match="GONE"):
        poll(bench(api_key="env:GONE"), ref_for("video_1"))


def test_being_asked_to_wait_is_passed_on(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of({}, 429, retry_after="900"))
    with pytest.raises(Unavailable) as busy:
        poll(bench(), ref_for("video_1"))
    assert busy.value.retry_after == 900


def test_one_unreadable_render_is_left_out(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of({}, 500))
    server.says("GET /v1/videos/video_2", answer.of(job("video_2", status="queued")))
    statuses = poll(bench(), ref_for("video_1"), ref_for("video_2"))
    assert [status.remote_id for status in statuses] == ["video_2"]


def page(*jobs: dict[str, Any], more: bool | None = False) -> dict[str, Any]:
    told = {} if more is None else {"has_more": more}
    return {"object": "list", "data": list(jobs), **told}


def names(count: int) -> list[str]:
    return [f"video_{number}" for number in range(count)]


def test_many_renders_are_read_from_the_list(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    listed = [job(name, status="in_progress", progress=10) for name in names(20)]
    server.says(LIST, answer.of(page(*listed[:12], more=True)), answer.of(page(*listed[12:])))
    statuses = poll(bench(), *map(ref_for, names(20)))
    assert {status.remote_id for status in statuses} == set(names(20))
    assert [(asked.path, asked.query.get("after")) for asked in server.asked] == [
        ("/v1/videos", None), ("/v1/videos", "video_11"),
    ]  # fmt: skip
    assert server.asked[0].query == {"limit": "100", "order": "desc"}


def test_what_the_list_does_not_tell_is_read_one_by_one(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    # AIBrix lists ids without a status; video_3 is not listed at all.
    bare = {"id": "video_2", "object": "video"}
    server.says(LIST, answer.of(page(job("video_0", status="queued"), job("video_1", status="done"), bare)))
    server.says("GET /v1/videos/video_2", answer.of(job("video_2", status="failed")))
    server.says("GET /v1/videos/video_3", answer.of({"detail": "gone"}, 404))
    states = {status.remote_id: status.state for status in poll(bench(), *map(ref_for, names(4)))}
    assert states == {"video_0": "queued", "video_1": "completed", "video_2": "failed", "video_3": "lost"}
    assert server.count(ONE) == 0


def test_a_list_is_not_read_beyond_the_oldest_render(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    old = job("video_old", status="completed") | {"created_at": 1_700_000_000}
    server.says(LIST, answer.of(page(job("video_0", status="queued"), old, more=True)))
    for name in names(4)[1:]:
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, names(4)))} == {*names(4), "video_old"}
    assert server.count(LIST) == 1


@pytest.mark.parametrize("reply", ["html", "error", "endless"])
def test_a_broken_list_costs_reads_and_no_renders(
    bench: Any, server: Any, ref_for: Any, answer: Any, reply: str
) -> None:
    replies = {
        "html": answer.html(),
        "error": answer.of({"error": "no list here"}, 405),
        "endless": answer.of(page(job("video_x", status="queued"), more=True)),
    }
    server.says(LIST, replies[reply])
    for name in names(5):
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, names(5)))} >= set(names(5))
    assert server.count(LIST) <= 2


def test_litellm_renders_are_read_one_by_one(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    for name in names(12):
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))
    assert len(poll(bench(dialect="litellm"), *map(ref_for, names(12)))) == 12
    assert server.count(LIST) == 0


def test_nothing_asked_is_nothing_read(bench: Any, server: Any) -> None:
    assert poll(bench()) == []
    assert server.asked == []


def test_expiry_and_links_are_kept_for_the_download(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    expires = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
    server.says(ONE, answer.of(job(status="completed", expires_at=expires, url="https://cdn.example/v.mp4")))
    (status,) = poll(bench(), ref_for("video_1"))
    assert status.expires_at == datetime.fromtimestamp(expires, UTC)
    assert status.details == {"urls": ["https://cdn.example/v.mp4"], "expires_at": expires}


def test_what_else_the_list_tells_comes_along(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    listed = [job(name, status="in_progress", progress=10) for name in names(8)]
    server.says(LIST, answer.of(page(*listed, {"id": "bare", "object": "video"})))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, names(4)))} == set(names(8))
    assert len(server.asked) == 1


def test_a_long_list_of_others_is_left_once_it_costs_more_than_looks(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    mine = names(5)
    others = [answer.of(page(job(f"other_{number}", status="queued"), more=True)) for number in range(9)]
    server.says(LIST, answer.of(page(job(mine[0], status="queued"), more=True)), *others)
    for name in mine[1:]:
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, mine))} >= set(mine)
    assert server.count(LIST) == 1 + 4


def test_many_renders_make_a_long_list_worth_reading(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    mine = names(60)
    others = [answer.of(page(job(f"other_{number}", status="queued"), more=True)) for number in range(30)]
    server.says(LIST, *others, answer.of(page(*(job(name, status="queued") for name in mine))))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, mine))} >= set(mine)
    assert len(server.asked) == 31


def test_the_end_of_a_list_is_read_for_those_that_were_not_polled_with_the_others(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    """Pages of videos that are polled at another time stand first, and only a few of ours are on the last page."""
    mine = names(30)
    others = [answer.of(page(job(f"other_{number}", status="queued"), more=True)) for number in range(12)]
    most = answer.of(page(*(job(name, status="queued") for name in mine[:24]), more=True))
    rest = answer.of(page(*(job(name, status="queued") for name in mine[24:])))
    server.says(LIST, *others, most, rest)
    assert {status.remote_id for status in poll(bench(), *map(ref_for, mine))} >= set(mine)
    assert len(server.asked) == 14


def test_pages_that_report_one_of_ours_now_and_then_are_not_read_without_end(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    mine = names(6)
    pages = [answer.of(page(job(f"other_{number}", status="queued"), more=True)) for number in range(40)]
    for name, at in zip(mine[:5], (3, 7, 11, 15, 19), strict=True):
        pages[at] = answer.of(page(job(name, status="queued"), more=True))
    server.says(LIST, *pages)
    for name in mine:
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))
    assert {status.remote_id for status in poll(bench(), *map(ref_for, mine))} >= set(mine)
    assert server.count(LIST) <= 2 * len(mine)


def test_a_server_without_a_list_is_not_asked_for_it_each_time(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    server.says(LIST, answer.of({"error": "no list here"}, 405))
    for name in names(5):
        server.says(f"GET /v1/videos/{name}", answer.of(job(name, status="queued")))

    async def twice(provider: Any) -> list[int]:
        most = [provider.most_per_poll]
        for _ in range(2):
            assert len(await provider.poll([ref_for(name) for name in names(5)])) == 5
            most.append(provider.most_per_poll)
        return most

    assert bench().run(twice) == [20_000, 500, 500]
    assert server.count(LIST) == 1


def test_a_server_in_trouble_is_not_asked_about_each_render(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    server.says(LIST, answer.of({}, 403, retry_after="30"))
    for name in names(400):
        server.says(f"GET /v1/videos/{name}", answer.of({}, 403))
    with pytest.raises(Unavailable) as refused:
        poll(bench(), *map(ref_for, names(400)))
    assert refused.value.retry_after == 30
    assert len(server.asked) == 1 + 50


def test_each_render_an_incomplete_list_leaves_out_has_its_turn(
    bench: Any, server: Any, ref_for: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A list that shows the newest only: the others are read one by one, some of them at a time.
    monkeypatch.setattr(polling, "SINGLES", 100)
    server.says(LIST, answer.of(page(job("video_0", status="queued"))))
    refs = [ref_for(name) for name in names(400)]

    async def twice(provider: Any) -> None:
        for _ in range(2):
            assert [status.state for status in await provider.poll(refs)].count("lost") == 100

    bench().run(twice)
    assert len({asked.path for asked in server.asked}) > 1 + 100
