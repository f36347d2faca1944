"""Runs the code blocks of a page in a folder of its own, as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from tests.plugins.simulator.person import answers

from reelwork import Studio
from reelwork.cli.app import reelwork
from reelwork.plugins.catalog import Catalog
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN_NAME = re.compile(r"# ([\w-]+\.(?:py|toml))\n")
FROM_FILE = re.compile(r"<!-- from the code: file \S*?([\w.-]+) -->\s*\Z")
NAMED_BEFORE = re.compile(r"`([\w.-]+\.csv)`")
SIMULATOR = "127.0.0.1:8765"
PROTOCOL = re.compile(r"^\$ reelwork simulator .*--protocol (\w+)", re.MULTILINE)
NETWORK = re.compile(r"^\$ reelwork simulator .*--network (\w+)", re.MULTILINE)
SEVERAL = re.compile(r"^\$ reelwork simulator --network (\w+) --port (\d+)", re.MULTILINE)
FAULT = re.compile(r"^\$ reelwork simulator .*--fault '([^']+)'", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str
    name: str = ""
    """The file it stands for."""


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        kind, body = found[1], found[2]
        own, copied = OWN_NAME.match(body), FROM_FILE.search(text[: found.start()])
        before = NAMED_BEFORE.findall(text[: found.start()]) if kind == "csv" else []
        name = own[1] if own else copied[1] if copied else before[-1] if before else ""
        yield Block(kind, body, name)


@dataclass
class Reader:
    """Somebody who tries what a page says, in `folder`."""

    folder: Path
    simulator: RunningSimulator | None = None
    networks: dict[str, RunningSimulator] = field(default_factory=dict)
    """Further ones, where a page rehearses with several networks, by the address that the page has."""
    tried: list[str] = field(default_factory=list)

    def tries(self, page: Path, stack: ExitStack) -> None:
        text = page.read_text(encoding="utf-8")
        if SIMULATOR in text:
            protocol = next(iter(PROTOCOL.findall(text)), "videos")
            faults = tuple(FAULT.findall(text))
            network = next(iter(NETWORK.findall(text)), None)
            # What a network has looked at once is asked for again half a minute later.
            seconds = 0 if network else 0.1
            settings = SimulatorSettings(
                protocol=protocol, network=network, canned=True, render_seconds=seconds, faults=faults
            )
            self.simulator = stack.enter_context(RunningSimulator(settings))
        for name, address in SEVERAL.findall(text)[1:]:
            also = SimulatorSettings(network=name, canned=True, render_seconds=0)
            self.networks[f"127.0.0.1:{address}"] = stack.enter_context(RunningSimulator(also))
        blocks = list(blocks_of(page))
        for block in (block for block in blocks if block.name):
            (self.folder / block.name).write_text(self._here(block.text), encoding="utf-8")
        for block in blocks:
            {"python": self._python, "toml": self._toml, "console": self._console}.get(block.kind, _leave)(block)

    def _here(self, text: str) -> str:
        played = {SIMULATOR: self.simulator, **self.networks}
        for address, simulator in played.items():
            if simulator is not None:
                text = text.replace(address, simulator.base_url.removeprefix("http://"))
        return text

    def _python(self, block: Block) -> None:
        if block.name:
            if "@hookimpl" in block.text:
                assert Catalog([]).get_file(self.folder / block.name).hooks is not None
        else:
            self.tried.append("python")
            exec(compile(block.text, "a block of the page", "exec"), {"__name__": "__main__"})

    def _toml(self, block: Block) -> None:
        if block.name == "pyproject.toml":
            return
        assert block.name, f"a workflow without a name:\n{block.text}"
        self.tried.append(block.name)
        with Studio(self.folder / block.name) as studio:
            assert studio.plan_sync().jobs

    def _console(self, block: Block) -> None:
        steps = re.split(r"^\$ ", self._here(block.text), flags=re.MULTILINE)[1:]
        commands = [step.partition("\n")[::2] for step in steps]
        for place, (command, shown) in enumerate(commands):
            if command == "echo $?":
                continue
            following = commands[place + 1] if place + 1 < len(commands) else ("", "")
            expected = int(following[1]) if following[0] == "echo $?" else 0
            self.tried.append(command)
            self._runs(command, shown, expected)

    def _runs(self, command: str, shown: str, expected: int) -> None:
        code, output = _called(command) if command.startswith("reelwork ") else _in_a_shell(command)
        # How far a command gets before it is killed depends on the machine.
        possible = (0, 137) if "--signal=KILL" in command else (expected,)
        assert code in possible, f"$ {command}\n{output}"
        missing = first_missing(shown, output)
        assert missing is None, f"$ {command}\nshows no line {missing!r} there:\n{output}"


def _called(command: str) -> tuple[int, str]:
    """Exit code and output of Reelwork's own command, without waiting for a new process each time."""
    words = shlex.split(command)[1:]
    if "ID" in words:
        with Studio() as studio:
            words[words.index("ID")] = studio.jobs(limit=1)[0].id
    done = CliRunner().invoke(reelwork, words, prog_name="reelwork")
    return done.exit_code, done.output


def _in_a_shell(command: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", f"{command}\nexit $?"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _leave(block: Block) -> None:
    """Not run: output, a file of another kind, or a command that asks for more than Reelwork."""


def first_missing(shown: str, output: str) -> str | None:
    """The first line of a page that the output does not have in that order; `…` stands for anything."""
    lines = (line.strip() for line in output.splitlines())
    for line in map(str.strip, shown.splitlines()):
        pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
        if line not in ("", "…") and not any(map(pattern.fullmatch, lines)):
            return line
    return None


def _has_a_browser(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever reads the page allow each sign-in that is shown."""
    browser = stack.enter_context(ThreadPoolExecutor(1))

    def visit(page: str) -> bool:
        browser.submit(lambda: httpx.get(answers(page).headers["location"], timeout=20))
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", visit)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_does_what_it_says(page: Path, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        reader = Reader(away)
        _has_a_browser(stack, monkeypatch)
        reader.tries(page, stack)
        if reader.simulator is not None and reader.simulator.settings.network:
            with Studio() as studio:
                for network in (reader.simulator, *reader.networks.values()):
                    assert len(network.posts()) == len(studio.jobs()) > 0
        elif reader.simulator is not None:
            made = [one for one in reader.simulator.requests() if one["operation"] == "create"]
            with Studio() as studio:
                jobs = [job for job in studio.jobs() if job.provider != "preview"]
            assert len(made) == len(jobs) > 0


@pytest.mark.parametrize(
    ("shown", "output", "missing"),
    [
        ("a\nc", "a\nb\nc", None),
        ("a …", "a b", None),
        ("c\na", "a\nc", "a"),
        ("a", "a b", "a"),
    ],
)
def test_what_a_page_shows_is_compared_line_by_line(shown: str, output: str, missing: str | None) -> None:
    assert first_missing(shown, output) == missing
