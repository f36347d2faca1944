"""Servers that are killed, hang, or share a store: each video is paid for and posted once."""

from __future__ import annotations

import collections
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.core.server.conftest import PATIENCE, Machine, Running

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

TOKEN = {"TOKEN": OPEN_TOKEN}


@pytest.fixture
def services() -> Iterator[tuple[RunningSimulator, RunningSimulator]]:
    """A provider of videos, and a network to post them to."""
    with ExitStack() as stack:
        videos = SimulatorSettings(canned=True, render_seconds=1.5)
        network = SimulatorSettings(network="mastodon", render_seconds=0, rate_limits=False)
        yield stack.enter_context(run_simulator(videos)), stack.enter_context(run_simulator(network))


def write_work(machine: Machine, videos: str, network: str, count: int, *, hook: str = "") -> None:
    (machine.folder / "flow.toml").write_text(
        f"""
        [brief]
        duration = 4
        [provider]
        use = "videos-api"
        base_url = "{videos}"
        model = "sora-2"
        poll_interval = 0.3
        [posts]
        unasked = true
        [plugins]
        prompt_transform = [{hook}]
        post_download = []
        publish = ["mastodon"]
        [plugin.mastodon]
        instance = "{network}"
        access_token = "env:TOKEN"
        """
    )
    rows = "".join(f'row-{at},"A quiet harbour at dawn with boat number {at}",Boat {at}\n' for at in range(count))
    (machine.folder / "rows.csv").write_text("id,prompt,caption\n" + rows)


RUN = ("run", "rows.csv", "--workflow", "flow.toml", "--yes")


def creates(videos: RunningSimulator) -> collections.Counter[str]:
    asked = [request for request in videos.requests(method="POST") if request["job_id"]]
    return collections.Counter(request["fields"]["prompt"] for request in asked)


def until(true: Callable[[], bool], *running: Running) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, [one.text for one in running]
        time.sleep(0.05)


def jobs_that_are(server: Running, status: str) -> int:
    found = re.search(rf'status="{status}"}} (\d+)', server.client.get("/metrics").text)
    assert found is not None, server.text
    return int(found[1])


def test_killed_in_the_middle_of_jobs_it_continues_and_posts_once(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    write_work(machine, videos.base_url, network.base_url, 6)
    run = machine.start(*RUN, **TOKEN)
    until(lambda: len(creates(videos)) >= 2, run)
    # Whoever launched it is gone: the server finds its jobs in the store.
    run.kill()
    first = machine.start(**TOKEN).until_ready()
    until(lambda: len(network.posts()) >= 1, first)
    first.kill()
    second = machine.start(**TOKEN).until_ready()
    # A kill may strike between a request and its answer. What no list settles is then held for a person.
    until(lambda: jobs_that_are(second, "done") + jobs_that_are(second, "held") == 6, second)
    done, posts = jobs_that_are(second, "done"), network.posts()
    assert set(creates(videos).values()) == {1}
    assert len({post["text"] for post in posts}) == len(posts) >= done >= 1
    assert second.text.count("it is not sent again") >= 6 - done
    code, seconds = second.stop()
    assert (code, seconds < 10) == (0, True)


def test_two_servers_and_a_run_share_the_work(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    write_work(machine, videos.base_url, network.base_url, 10)
    servers = [machine.start(**TOKEN).until_ready() for _ in range(2)]
    run = machine.start(*RUN, **TOKEN)
    assert run.process.wait(PATIENCE) == 0, (run.text, [server.text for server in servers])
    assert set(creates(videos).values()) == {1}
    assert len(network.posts()) == len(creates(videos)) == 10
    assert any(" done" in server.text or "completed" in server.text for server in servers)
    for server in servers:
        code, seconds = server.stop()
        assert (code, seconds < 10) == (0, True)


def test_a_plugin_that_hangs_keeps_no_server_from_ending(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    (machine.folder / "stuck.py").write_text(
        "import time\nfrom pathlib import Path\nfrom reelwork_hooks import Plugin, hookimpl\n\n\n"
        "class Stuck(Plugin):\n    @hookimpl\n    async def prompt_transform(self, prompt, job):\n"
        "        Path(__file__).with_name('began').touch()\n        time.sleep(300)\n        return prompt\n"
    )
    write_work(machine, videos.base_url, network.base_url, 1, hook='"./stuck.py"')
    run = machine.start(*RUN, **TOKEN)
    began = machine.folder / "began"
    until(began.exists, run)
    run.kill()
    began.unlink()
    server = machine.start(**TOKEN)
    until(began.exists, server)
    code, seconds = server.stop()
    assert (code, seconds < 10.5) == (0, True), server.text
    assert not creates(videos)


def test_a_schedule_fires_and_its_job_is_driven(machine: Machine) -> None:
    brief = 'prompt = "A lighthouse in the fog"\nduration = 0.5\nresolution = "480p"\n'
    (machine.folder / "flow.toml").write_text(f"[brief]\n{brief}")
    added = machine.reelwork("schedule", "add", "often", "flow.toml", "--cron", "* * * * *", "--tz", "UTC")
    assert added.returncode == 0, added.stderr
    server = machine.start().until_ready()
    until(lambda: 'status="done"} 0.0' not in server.client.get("/metrics").text, server)
    assert "schedule often, " in server.text
    assert server.stop()[0] == 0


def test_a_job_whose_secret_only_another_process_has_is_left_to_that_one(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    write_work(machine, videos.base_url, network.base_url, 3)
    server = machine.start().until_ready()
    run = machine.start(*RUN, **TOKEN)
    assert run.process.wait(PATIENCE) == 0, (run.text, server.text)
    assert set(creates(videos).values()) == {1}
    assert len(network.posts()) == 3
    assert "failed" not in server.text


def step_of(machine: Machine) -> str:
    return "".join(job["step"] for job in json.loads(machine.reelwork("jobs", "list", "--json").stdout))


def test_a_paid_job_waits_for_a_process_that_has_its_secret(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    write_work(machine, videos.base_url, network.base_url, 1)
    run = machine.start(*RUN, **TOKEN)
    # Until the answer is stored: killed before it, the job would be one in doubt.
    until(lambda: step_of(machine) == "render", run)
    run.kill()
    server = machine.start().until_ready()
    until(lambda: "could not: env:TOKEN: the environment variable TOKEN is not set" in server.text, server)
    (job,) = json.loads(machine.reelwork("jobs", "list", "--json").stdout)
    assert (job["status"], job["step"]) == ("active", "finish"), "what is paid for is fetched all the same"
    page = machine.reelwork("jobs", "show", job["id"]).stdout
    assert "env:TOKEN" in page
    # In a terminal without the secret it is said, and nobody is kept waiting.
    resumed = machine.reelwork("resume")
    assert (resumed.returncode, "env:TOKEN" in resumed.stdout + resumed.stderr) == (3, True), resumed
    assert machine.reelwork("resume", TOKEN=OPEN_TOKEN).returncode == 0
    assert set(creates(videos).values()) == {1}
    assert len(network.posts()) == 1
    assert server.text.count("env:TOKEN") == 1
    assert server.stop()[0] == 0


def test_a_paid_job_waits_for_its_plugin(
    machine: Machine, services: tuple[RunningSimulator, RunningSimulator]
) -> None:
    videos, network = services
    plugin = machine.folder / "plain.py"
    plugin.write_text(
        "from reelwork_hooks import Plugin, hookimpl\n\n\nclass Plain(Plugin):\n    @hookimpl\n"
        "    def prompt_transform(self, prompt, job):\n        return prompt\n"
    )
    write_work(machine, videos.base_url, network.base_url, 1, hook='"./plain.py"')
    run = machine.start(*RUN, **TOKEN)
    # Until the answer is stored: killed before it, the job would be one in doubt.
    until(lambda: step_of(machine) == "render", run)
    run.kill()
    plugin.rename(aside := machine.folder / "plain.aside")
    resumed = machine.reelwork("resume", **TOKEN)
    assert (resumed.returncode, "plain.py" in resumed.stdout + resumed.stderr) == (3, True), resumed
    (job,) = json.loads(machine.reelwork("jobs", "list", "--json").stdout)
    assert (job["status"], job["step"]) == ("active", "render")
    aside.rename(plugin)
    assert machine.reelwork("resume", **TOKEN).returncode == 0
    assert set(creates(videos).values()) == {1}
    assert len(network.posts()) == 1
