from __future__ import annotations

import asyncio
import gc
import io
import logging
import threading
import weakref
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from reelwork.net.client import Http
from reelwork.plugins.context import FileCache, PluginContext
from reelwork.process_output import RedactingFilter
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import InvalidInput, SecretNotFound
from reelwork_hooks.models import Brief, Job, Spec
from reelwork_hooks.plugin import Cache, Context

NOON_IN_TOKYO = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=9)))
JOB = Job(
    id="j1",
    run="r1",
    workflow="w",
    brief=Brief(prompt="a fox"),
    spec=Spec(width=640, height=360, aspect_ratio="16:9", resolution="480p", duration=4),
    provider="preview",
    created_at=NOON_IN_TOKYO,
)


def context(folder: Path, name: str = "brand-a", **more: object) -> PluginContext:
    return PluginContext(
        name,
        work_dir=folder / "work" / name,
        output_dir=folder / "out",
        base_dir=folder,
        http_factory=lambda trust: Http(trust=trust),
        redactor=Redactor(),
        clock=lambda: NOON_IN_TOKYO,
        **more,  # type: ignore[arg-type]
    )


def test_it_is_the_contracts_context(tmp_path: Path) -> None:
    made: Context = context(tmp_path)
    assert made.name == "brand-a"
    assert made.work_dir == tmp_path / "work/brand-a"
    assert made.work_dir.is_dir()
    assert (made.output_dir, made.base_dir) == (tmp_path / "out", tmp_path)


def test_now_is_utc(tmp_path: Path) -> None:
    now = context(tmp_path).now()
    assert now == NOON_IN_TOKYO
    assert now.tzinfo is UTC


def test_secrets_are_relative_to_the_workflow_and_not_logged(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-123456\n")
    made = context(tmp_path)
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger().addHandler(handler)
    try:
        made.log.error("using %s", made.secret("file:key"))
    finally:
        logging.getLogger().removeHandler(handler)
    assert out.getvalue() == "using ***\n"
    with pytest.raises(SecretNotFound):
        made.secret("file:other")


def test_one_filter_for_many_contexts_of_one_name(tmp_path: Path) -> None:
    redactor = Redactor()
    made = [
        PluginContext(
            "again",
            work_dir=tmp_path,
            output_dir=tmp_path,
            base_dir=tmp_path,
            http_factory=lambda trust: Http(trust=trust),
            redactor=redactor,
        )
        for _ in range(3)
    ]
    assert len(made[-1].log.filters) == 1


def test_sessions_leave_no_filter_and_no_secret_behind(tmp_path: Path) -> None:
    """A program that opens one session after another has one filter, which hides the secrets of those alive."""
    log = logging.getLogger("reelwork.plugin.many-sessions")
    (tmp_path / "first").write_text("sk-123456\n")
    (tmp_path / "second").write_text("sk-654321\n")
    alive = [context(tmp_path, "many-sessions") for _ in range(3)]
    alive[0].secret("file:first")
    alive[1].secret("file:second")
    (masking,) = log.filters
    assert _filtered(masking, "sk-123456 and sk-654321") == "*** and ***"
    forgotten = weakref.ref(alive[0]._redactor)
    del alive[0]
    gc.collect()
    assert forgotten() is None
    assert _filtered(masking, "sk-654321, Bearer abcdefgh12") == "***, Bearer ***"
    assert log.filters == [masking]


def _filtered(masking: object, text: str) -> str:
    assert isinstance(masking, RedactingFilter)
    record = logging.LogRecord("any", logging.INFO, "f.py", 1, text, (), None)
    assert masking.filter(record)
    return record.getMessage()


def test_http_gets_the_trusted_origins(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = context(tmp_path).http(trust=["http://127.0.0.1:8000"])
        assert isinstance(client, Http)
        await client.aclose()

    asyncio.run(scenario())
    with pytest.raises(InvalidInput):
        context(tmp_path).http(trust=["not an address"])


def test_progress_is_passed_on_within_bounds_and_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float, str]] = []
    made = context(tmp_path, on_progress=lambda job, percent, text: seen.append((job.id, percent, text)))
    monkeypatch.setenv("RW_TEST_KEY", "sk-123456")
    made.secret("env:RW_TEST_KEY")
    made.progress(JOB, 12.5, "uploading with sk-123456")
    made.progress(JOB, 250)
    assert seen == [("j1", 12.5, "uploading with ***"), ("j1", 100, "")]
    context(tmp_path).progress(JOB, 1)


def test_the_cache_outlives_the_context(tmp_path: Path) -> None:
    cache: Cache = context(tmp_path).cache
    assert cache.get("../../token") is None
    cache.set("../../token", "é\n1")
    cache.set("other", "2")
    again = context(tmp_path).cache
    assert (again.get("../../token"), again.get("other")) == ("é\n1", "2")
    again.set("other", "3")
    assert cache.get("other") == "3"
    [folder] = [path for path in tmp_path.rglob("cache") if path.is_dir()]
    assert len(list(folder.iterdir())) == 2
    assert context(tmp_path, name="brand-b").cache.get("other") is None


def test_the_cache_is_for_this_user_only(tmp_path: Path) -> None:
    FileCache(tmp_path).set("token", "x")
    [path] = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"key": "another", "value": "1"}', b"\xff"])
def test_a_damaged_cache_file_counts_as_absent(tmp_path: Path, damage: bytes) -> None:
    cache = FileCache(tmp_path)
    cache.set("token", "x")
    [path] = tmp_path.iterdir()
    path.write_bytes(damage)
    assert cache.get("token") is None
    cache.set("token", "y")
    assert cache.get("token") == "y"


def test_readers_never_see_half_a_value(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    values = ["a" * 50_000, "b" * 70_000]
    cache.set("k", values[0])

    def write() -> None:
        for turn in range(40):
            cache.set("k", values[turn % 2])

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    seen = {cache.get("k") for _ in range(200)}
    for writer in writers:
        writer.join()
    assert seen <= set(values)
