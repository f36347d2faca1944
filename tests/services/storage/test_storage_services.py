"""`storage` against real object stores: 200 MB in bounded memory, cuts, kills, races, links."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

UPLOAD = Path(__file__).with_name("upload.py")
LARGE, PEAK_MB = 200_000_000, 120
MIDDLING = 64_000_000
"""Bytes in many parts: three times what is under way at once, so that a cut in the middle comes between parts."""
KEY = "brand/2026-11-20/job1/any.mp4"
RECORD = f"{KEY}.reelwork.json"

Upload = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of 200 MB: what is held in memory shows beside it."""
    yield from _written(tmp_path_factory.mktemp("large"), LARGE)


@pytest.fixture(scope="session")
def middling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from _written(tmp_path_factory.mktemp("middling"), MIDDLING)


def _written(folder: Path, size: int) -> Iterator[Path]:
    path, chance = folder / "video.mp4", random.Random(7)
    with path.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(chance.randbytes(1_000_000))
    yield path
    path.unlink()


@pytest.fixture
def small(tmp_path: Path) -> Callable[[int], Path]:
    def build(number: int) -> Path:
        path = tmp_path / f"small{number}.mp4"
        path.write_bytes(random.Random(number).randbytes(100_000))
        return path

    return build


@pytest.fixture
def begin(shop: Any, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begins to run the hook once, in a process of its own."""
    keys = {"STORE_ID": "AKIDEXAMPLE", "STORE_KEY": "wJalrXUtnFEMI", "STORE_TOKEN": "ya29.example"}
    if shop.kind == "azure":
        keys["STORE_KEY"] = shop.account_key
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **keys}

    def start(
        file: Path,
        port: int | None = None,
        job: str = "job1",
        give_up_at: int | None = None,
        public_seconds: float | None = None,
        **settings: Any,
    ) -> subprocess.Popen[str]:
        place = {**shop.settings(port or shop.server.port), "retry_seconds": 2, **settings}
        order = {"settings": place, "file": str(file), "job": job, "work": str(tmp_path), "give_up_at": give_up_at}
        order["public_seconds"] = public_seconds
        command = [sys.executable, UPLOAD, json.dumps(order)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.fixture
def upload(begin: Callable[..., subprocess.Popen[str]]) -> Upload:
    """Runs the hook once, in a process of its own, to its end."""

    def run(*given: Any, **settings: Any) -> dict[str, Any]:
        with begin(*given, **settings) as process:
            output, errors = process.communicate()
        # A process that ended in a crash, on its way out for example, did not upload well.
        assert (process.returncode, errors) == (0, "")
        assert "wJalrXUtnFEMI" not in output
        told: dict[str, Any] = json.loads(output)
        return told

    return run


def whole(shop: Any, told: dict[str, Any], size: int = MIDDLING) -> dict[str, Any]:
    """The object as an independent client reads it, which must be the file."""
    found: dict[str, Any] = shop.get(KEY)
    assert (found["sha256"], found["bytes"]) == (told["sha256"], size)
    return found


def test_a_large_file_arrives_whole_in_little_memory_and_only_once(
    shop: Any, upload: Upload, relay: Callable[..., Any], large: Path
) -> None:
    told = upload(large)
    assert told["stored_at"] == [f"{shop.settings(0)['url']}/{KEY.removeprefix('brand/')}"], told
    assert told["peak_mb"] <= PEAK_MB
    assert told["progress"][-1] == 100
    found = whole(shop, told, LARGE)
    assert found["type"] == "video/mp4"
    if shop.keeps_metadata:
        assert found["metadata"]["sha256"] == told["sha256"]
        assert found["metadata"]["remote_id"] == "video_123"
        assert found["metadata"]["row"] == "K%C3%B6ln"
        assert set(found["metadata"]) == {
            "sha256", "job_id", "run_id", "workflow", "take", "row", "provider", "model", "remote_id", "created_at",
            "ai_generated",
        }  # fmt: skip
    assert shop.names() == {KEY, RECORD}
    assert shop.unfinished() == []
    wire = relay(shop.server)
    assert upload(large, wire.port)["stored_at"] == told["stored_at"]
    assert wire.sent < 100_000
    assert whole(shop, told, LARGE)["written"] == found["written"]


def test_a_server_killed_in_the_middle_leaves_no_half_object(
    shop: Any, upload: Upload, relay: Callable[..., Any], middling: Path
) -> None:
    wire = relay(shop.server)
    wire.when(MIDDLING // 3, shop.server.kill, cut=False)
    try:
        told = upload(middling, wire.port)
    finally:
        shop.server.kill()
        shop.server.start()
    assert told["error"] == "NotStored"
    assert "could not be reached, or the connection was cut; no half object was left" in told["message"]
    assert "paid for" in told["message"]
    shop.make_again()
    assert KEY not in shop.names()
    again = upload(middling)
    assert "error" not in again, again
    whole(shop, again)
    assert shop.names() == {KEY, RECORD}


def test_a_cut_connection_leaves_no_half_object_and_the_next_attempt_starts_again(
    shop: Any, upload: Upload, relay: Callable[..., Any], middling: Path
) -> None:
    wire = relay(shop.server)
    wire.when(MIDDLING // 2, lambda: None, cut=True)
    assert upload(middling, wire.port)["error"] == "NotStored"
    assert shop.names() == {RECORD}
    wire = relay(shop.server)
    whole(shop, upload(middling, wire.port))
    assert wire.sent > MIDDLING
    assert shop.names() == {KEY, RECORD}


def test_an_upload_whose_process_is_killed_leaves_no_half_object(
    shop: Any,
    begin: Callable[..., subprocess.Popen[str]],
    upload: Upload,
    relay: Callable[..., Any],
    middling: Path,
) -> None:
    wire = relay(shop.server)
    with begin(middling, wire.port) as process:
        wire.when(MIDDLING // 2, process.kill, cut=False)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert shop.names() == {RECORD}
    whole(shop, upload(middling))


def test_an_upload_over_its_time_is_given_up(
    shop: Any, upload: Upload, relay: Callable[..., Any], large: Path
) -> None:
    wire = relay(shop.server)
    told = upload(large, wire.port, give_up_at=20)
    assert told["error"] == "CancelledError"
    assert wire.sent < LARGE * 0.9
    assert shop.names() == {RECORD}
    assert shop.unfinished() == []


def test_a_large_file_does_not_replace_what_appeared_while_it_was_uploaded(
    shop: Any, upload: Upload, relay: Callable[..., Any], middling: Path
) -> None:
    wire, mine = relay(shop.server), b"put there by somebody else"
    wire.when(MIDDLING // 2, lambda: shop.put(KEY, mine), cut=False)
    told = upload(middling, wire.port)
    assert told["error"] == "Taken", told
    assert wire.sent > MIDDLING - 20_000_000
    assert "holds other content; nothing was overwritten" in told["message"]
    assert shop.get(KEY)["sha256"] == hashlib.sha256(mine).hexdigest()
    assert shop.unfinished() == []


@pytest.mark.parametrize("verify", ["head", "read"])
def test_another_object_under_the_key_is_kept_unless_overwrite_says_so(
    shop: Any, upload: Upload, small: Callable[[int], Path], verify: str
) -> None:
    shop.put(KEY, small(1).read_bytes())
    before = shop.get(KEY)["written"]
    told = upload(small(2), verify=verify)
    assert told["error"] == "Taken"
    assert "overwrite = true" in told["message"]
    assert shop.get(KEY)["written"] == before
    assert shop.names() == {KEY}
    assert upload(small(2), verify=verify, overwrite=True)["stored_at"]
    assert shop.get(KEY)["sha256"] == hashlib.sha256(small(2).read_bytes()).hexdigest()


def test_of_two_videos_with_one_key_the_first_stays(
    shop: Any, upload: Upload, small: Callable[[int], Path]
) -> None:
    if shop.kind == "gcs":
        pytest.skip("this server does not know Google's header for create-only writes")
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(upload, small(n % 2), job=f"job{n}", key="same.mp4") for n in range(4)]
    told = [item.result() for item in work]
    kept = shop.get("brand/same.mp4")["sha256"]
    assert {item.get("error") for item in told if item["sha256"] == kept} == {None}
    assert {item.get("error") for item in told if item["sha256"] != kept} == {"Taken"}


def test_without_metadata_the_object_itself_is_read_to_tell_whether_it_is_the_same(
    shop: Any, upload: Upload, small: Callable[[int], Path]
) -> None:
    assert upload(small(1), metadata=False)["stored_at"]
    found = shop.get(KEY)
    assert (found["metadata"], found["type"]) == ({}, "video/mp4")
    assert upload(small(1), metadata=False)["stored_at"]
    assert upload(small(2), metadata=False)["error"] == "Taken"
    assert shop.get(KEY)["written"] == found["written"]


def test_a_presigned_link_gives_the_same_bytes_to_anybody(
    shop: Any, upload: Upload, small: Callable[[int], Path], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"presign": "1h"}
    if shop.kind == "gcs":
        settings |= {"token": None, "service_account": f"file:{service_account(tmp_path)}"}
    told = upload(small(1), **settings)
    assert "error" not in told, told
    address, link = told["stored_at"]
    assert address.endswith("/any.mp4")
    with urlopen(link, timeout=30) as answer:
        assert answer.read() == small(1).read_bytes()
        assert answer.headers["Content-Type"] == "video/mp4"


def test_another_plugin_gets_a_public_address_of_what_was_stored(
    shop: Any, upload: Upload, small: Callable[[int], Path], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {}
    if shop.kind == "gcs":
        settings |= {"token": None, "service_account": f"file:{service_account(tmp_path)}"}
    told = upload(small(1), public_seconds=600, **settings)
    assert "error" not in told, told
    with urlopen(told["public_url"], timeout=30) as answer:
        assert answer.read() == small(1).read_bytes()
    too_long = upload(small(1), public_seconds=8 * 86_400, **settings)
    assert too_long["message"].startswith("storage: a link works for 7d at most")


def service_account(folder: Path) -> Path:
    """The key file of a service account that nobody has."""
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
    path = folder / "service-account.json"
    facts = {"private_key": key, "private_key_id": "1", "client_email": "clips@example.invalid"}
    path.write_text(json.dumps(facts))
    return path


def test_a_bucket_that_is_not_there_is_said_so(shop: Any, upload: Upload, small: Callable[[int], Path]) -> None:
    told = upload(small(1), url=f"{shop.scheme}://nowhere")
    assert told["error"] == "NotStored"
    assert f"{shop.scheme}://nowhere/2026-11-20/job1/any.mp4" in told["message"]
    assert "there is no such bucket or container" in told["message"]


def test_azure_refuses_a_wrong_key_and_the_message_holds_none(
    shop: Any, upload: Upload, small: Callable[[int], Path], tmp_path: Path
) -> None:
    if shop.kind != "azure":
        pytest.skip("this server does not check credentials")
    (tmp_path / "key").write_text("d3Jvbmcta2V5LXdyb25nLWtleQ==")
    told = upload(small(1), account_key=f"file:{tmp_path / 'key'}")
    assert told["error"] == "Answered"
    assert "the store refused it (403 Forbidden" in told["message"]
    assert "d3Jvbmct" not in told["message"]
