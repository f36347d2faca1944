"""What a plugin prints, leaves running or hangs in does not reach the terminal's JSON, nor keep a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.test_e_the_border import package

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path: Path) -> str:
    return f"{package(tmp_path / 'site')}:{ROOT}"


def run(desk: Desk, site: str, place: str, thing: str, *words: str) -> tuple[int, object, str]:
    done = desk.reelwork(*words, PYTHONPATH=site, EVIL_PLACE=place, EVIL_THING=thing)
    assert "Traceback" not in done.text
    return done.code, done.json, done.err


WORDS = (
    "run",
    "an evil red fox",
    "--duration",
    "1",
    "--set",
    "brief.resolution=480p",
    "--plugin",
    "evil",
    "--json",
)


@pytest.mark.parametrize(
    "thing", ["print", "descriptor", "child", "thread", "exit", "base", "long", "half an emoji"]
)
@pytest.mark.parametrize("place", ["import", "init", "publish", "job_event"])
def test_standard_output_stays_one_document(desk: Desk, site: str, place: str, thing: str) -> None:
    code, document, err = run(desk, site, place, thing, *WORDS)
    assert isinstance(document, dict)
    assert code == {"import": 2, "init": 2, "publish": 3, "job_event": 0}[place]
    assert "acme-evil 1.2" in err + str(document)
    if thing in ("print", "descriptor", "child"):
        assert "hello from" in err


@pytest.mark.parametrize("thing", ["print", "exit", "base", "generator exit", "deep", "cancels itself"])
def test_a_plugin_that_cannot_be_imported_stops_no_other(desk: Desk, site: str, thing: str) -> None:
    code, listed, _ = run(desk, site, "import", thing, "plugins", "list", "--json")
    assert code == 0
    assert isinstance(listed, list)
    broken = {item["name"]: item["broken"]["message"] for item in listed if item["broken"]}
    assert set(broken) == {"evil", "evil-async", "evil-providers"} or set(broken) == {"evil"}
    assert all("acme-evil 1.2" in message for message in broken.values())
    code, found, _ = run(desk, site, "import", thing, "doctor", "--offline", "--json")
    assert code in (0, 1)
    assert "acme-evil 1.2" in str(found)
    code, _, _ = run(
        desk,
        site,
        "import",
        thing,
        "run",
        "a red fox in snow",
        "--duration",
        "1",
        "--set",
        "brief.resolution=480p",
        "--json",
    )
    assert code == 0


@pytest.mark.parametrize("thing", ["error", "base", "generator exit", "unreadable", "deep", "half an emoji"])
def test_a_command_of_another_package_is_named(desk: Desk, site: str, thing: str) -> None:
    done = desk.reelwork("evil", PYTHONPATH=site, EVIL_PLACE="command", EVIL_THING=thing)
    assert done.code == 1
    assert "Traceback" not in done.text
    assert "fault in Reelwork" not in done.text
    assert "Error: command 'evil' (acme-evil 1.2), run: " in done.err


def test_a_command_of_another_package_has_standard_output(desk: Desk, site: str) -> None:
    done = desk.reelwork("evil", PYTHONPATH=site, EVIL_PLACE="none", EVIL_THING="error")
    assert (done.code, done.out) == (0, "done\n")


@pytest.mark.parametrize("what", ["time.sleep(3600)", "[0 for _ in iter(int, 1)]"])
def test_what_blocks_the_main_thread_is_ended(desk: Desk, what: str) -> None:
    desk.write(
        "stuck.py",
        "import time\nfrom reelwork_hooks import Plugin, hookimpl\n\n\nclass Stuck(Plugin):\n"
        f'    """Blocks."""\n\n    @hookimpl\n    async def prompt_transform(self, prompt):\n        {what}\n',
    )
    done = desk.reelwork(*WORDS[:6], "--plugin", "./stuck.py", "--json", "--set", "plugin.stuck.time_limit=0.5")
    assert done.code == 1
    assert "plugin 'stuck' (stuck.py), hook prompt_transform: gave no answer within 0.5 s" in done.text
