"""`youtube` uploads to a real server of resumable uploads (`@uploadx/core`).

`uploadx.sh` installs it. Without it these tests skip, or fail with REELWORK_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.testing import sample_effect, sample_job, sample_post
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Asset, Clip, Credentials, Role, UploadOpen
from reelwork_plugins.publishers.youtube import Youtube, YoutubeConfig
from reelwork_plugins.publishers.youtube.session import session

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".services" / "uploadx" / "node_modules"
FILM = os.urandom(5 * (1 << 20) // 2)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its address, and the folder it puts files into."""
    node = shutil.which("node")
    if node is None or not (MODULES / "@uploadx" / "core").exists():
        missing = f"no server in {MODULES}: run tests/services/uploadx.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path / "uploads"
    command = [node, str(ROOT / "tests/services/uploadx.js"), str(MODULES), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        with closing(process.stdin):
            line = process.stdout.readline()
            assert line.startswith("port "), line
            yield f"http://127.0.0.1:{line.split()[1]}", folder


def bench(folder: Path, url: str) -> tuple[Youtube, SampleContext, Clip]:
    context = SampleContext(folder, "youtube")
    context._accounts.add("youtube", "youtube", Credentials({"channel": "UC1"}, {"access_token": "t"}))
    film = folder / "film.mp4"
    film.write_bytes(FILM)
    clip = Clip(video=Asset.from_file(film, Role.VIDEO, media_type="video/mp4"))
    return Youtube(YoutubeConfig(base_url=url, chunk=1), context), context, clip


def stored(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".META"]


def test_a_film_arrives_whole_once_though_it_is_prepared_twice(tmp_path: Path, server: tuple[str, Path]) -> None:
    url, folder = server
    plugin, context, clip = bench(tmp_path, url)
    post, job = sample_post(destination="youtube", clip=clip), sample_job()
    prepared = asyncio.run(plugin.prepare_publish(post, job))
    # Another process, which was given the job after a kill.
    assert asyncio.run(Youtube(plugin.config, context).prepare_publish(post, job)) == prepared
    receipt = asyncio.run(plugin.publish(post, job, sample_effect(prepared=prepared)))
    assert receipt.id
    assert [one for one in stored(folder) if len(one) == len(FILM)] == [FILM]


def test_the_session_says_where_it_stands_and_goes_on_from_there(tmp_path: Path, server: tuple[str, Path]) -> None:
    url, _ = server
    plugin, context, clip = bench(tmp_path, url)
    post, job = sample_post(destination="youtube", clip=clip), sample_job()
    asyncio.run(plugin.prepare_publish(post, job))
    kept = asyncio.run(context.state.get(f"session {job.id} youtube"))
    assert isinstance(kept, dict)
    upload = session(plugin._api(), str(kept["address"]), clip.video, lambda percent: None, repeat=True)
    assert asyncio.run(upload.ask()) == UploadOpen(2 << 20)
