"""What servers and gateways answer to creates today (`real_answers.toml`), and what each answer means for money."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork_hooks import AlreadyThere, NotSent, OutcomeUnknown, OutOfFunds, Rejected
from reelwork_plugins.providers.videos_api.named import ids_in, video_in

CREATE = "POST /v1/videos"
LITELLM = {"x-litellm-call-id": "6a1e"}
TABLE = tomllib.loads(Path(__file__).with_name("real_answers.toml").read_text(encoding="utf-8"))["answer"]
OUTCOMES: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (NotSent, OutOfFunds, Rejected, OutcomeUnknown, AlreadyThere)
}


@pytest.mark.parametrize("row", TABLE, ids=[row["from"] for row in TABLE])
def test_what_an_answer_means_for_money(
    bench: Any, server: Any, request_for: Any, answer: Any, row: dict[str, Any]
) -> None:
    headers = {"Content-Type": "application/json", **row.get("headers", {})}
    server.says(CREATE, answer(row["status"], row["body"].encode(), headers))
    at = bench()
    if row["outcome"] == "Submitted":
        submitted = at.run(lambda provider: provider.submit(request_for(), at.effect()))
        assert submitted.remote_id == row["id"]
        return
    with pytest.raises(OUTCOMES[row["outcome"]]) as raised:
        at.run(lambda provider: provider.submit(request_for(), at.effect()))
    assert type(raised.value) is OUTCOMES[row["outcome"]]
    assert server.count(CREATE) == 1
    if isinstance(raised.value, OutcomeUnknown):
        assert (at.notes["body"], at.notes["status"]) == (row["body"], row["status"])


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        ({"error": {"message": "late", "task_id": "t-6"}}, {"remote_id": "t-6"}),
        ({"data": [{"task_id": "t-8"}, {"task_id": "t-9"}]}, {"remote_ids": ["t-8", "t-9"]}),
        ({"error": {"message": "internal"}}, {}),
    ],
)
def test_ids_seen_on_the_way_are_kept_as_handles(
    bench: Any, server: Any, request_for: Any, answer: Any, body: Any, noted: dict[str, Any]
) -> None:
    server.says(CREATE, answer.of(body))
    at = bench()
    with pytest.raises(OutcomeUnknown):
        at.run(lambda provider: provider.submit(request_for(), at.effect()))
    assert {name: value for name, value in at.notes.items() if name.startswith("remote")} == noted


def test_litellm_whose_retries_are_off_for_this_create_is_believed(
    bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    said = {"error": {"message": "litellm.RateLimitError: OpenAIException - Rate limit reached", "code": "429"}}
    server.says(CREATE, answer.of(said, 429, **LITELLM))
    at = bench(dialect="litellm")
    with pytest.raises(NotSent):
        at.run(lambda provider: provider.submit(request_for(), at.effect()))


# --- ids, however they are wrapped

WRAPPERS = ["data", "result", "task", "video", "output", "job"]
KEYS = ["id", "video_id", "task_id", "taskId", "job_id"]
IDS = st.text("abcdefghijk0123456789-_", min_size=1, max_size=20)


@settings(deadline=None)
@given(
    path=st.lists(st.tuples(st.sampled_from(WRAPPERS), st.booleans()), max_size=2),
    key=st.sampled_from(KEYS),
    remote_id=IDS,
    beside=st.dictionaries(
        st.sampled_from(["code", "message", "request_id", "usage", "user"]), st.integers() | IDS
    ),
)
def test_the_only_id_is_found_however_it_is_wrapped(
    path: list[tuple[str, bool]], key: str, remote_id: str, beside: dict[str, Any]
) -> None:
    data: Any = {key: remote_id, "status": "queued"}
    for wrapper, as_list in path:
        data = {**beside, wrapper: [data] if as_list else data}
    assert ids_in(data) == (remote_id,)
    found = video_in(data)
    assert found is not None
    assert found["id"] == remote_id


@settings(deadline=None)
@given(first=IDS, second=IDS, build=st.sampled_from(["beside", "within", "list"]))
def test_of_several_ids_none_is_believed(first: str, second: str, build: str) -> None:
    builds: dict[str, Callable[[], Any]] = {
        "beside": lambda: {"id": first, "task_id": second},
        "within": lambda: {"id": first, "data": {"task_id": second}},
        "list": lambda: {"data": [{"id": first}, {"id": second}]},
    }
    assert (video_in(builds[build]()) is None) == (first != second)


@settings(deadline=None, max_examples=200)
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*WRAPPERS, *KEYS, "object"]), inner),
        max_leaves=30,
    )
)
def test_any_json_can_be_looked_through(data: Any) -> None:
    found = video_in(data)
    assert found is None or isinstance(found["id"], str)
