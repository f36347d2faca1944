"""What strangers broke, kind by kind: each test here failed before its kind was mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.strangers.server import VideoServer

from reelwork.testing.clips import write_video


@dataclass(frozen=True)
class Ended:
    """What a command left behind. `code` is 124 when it did not end in time."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


FORKS = """
import json, os, pkgutil, sys, traceback
from importlib import import_module
import reelwork.cli, reelwork.store.sqlite.store
for module in pkgutil.iter_modules(reelwork.cli.__path__, "reelwork.cli."):
    import_module(module.name)
codes = []
for at, arguments in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if not child:
        for number in (1, 2):
            os.dup2(os.open(f"{sys.argv[1]}/{at}.{number}", os.O_CREAT | os.O_WRONLY), number)
        sys.argv[1:] = arguments
        code = 70
        try:
            reelwork.cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else bool(end.code)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
json.dump(codes, sys.stdout)
"""
"""Commands one after another, each in a process that has imported them already: most of what they take is that."""


@dataclass(frozen=True)
class Desk:
    """A folder with a store of its own, and a terminal in it."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def workflow(self, origin: str, *, prompt: str = "A red fox in the snow", brief: str = "", provider: str = "",
                 rest: str = "", name: str = "workflow.toml") -> Path:  # fmt: skip
        """A workflow for a server: one render of 4 seconds at $0.10 a second, a settle time of half a second."""
        return self.write(
            name,
            f'out = "out"\n[brief]\nprompt = {json.dumps(prompt)}\nduration = 4\n{brief}\n[provider]\n'
            f'use = "videos-api"\nbase_url = "{origin}"\nmodel = "m1"\nprice_per_second = 0.1\n'
            f"settle_seconds = 0.5\npoll_interval = 0.2\n{provider}\n{rest}\n",
        )

    def reelwork(self, *arguments: str | Path, timeout: float = 60, stdin: str = "", **environ: str) -> Ended:
        """Run a command to its end, or for `timeout` seconds."""
        command = [sys.executable, "-m", "reelwork", *map(str, arguments)]
        env = self._environ(environ)
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=env, input=stdin, capture_output=True, timeout=timeout, check=False,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as expired:
            return Ended(124, _text(expired.stdout), _text(expired.stderr))
        return Ended(done.returncode, done.stdout, done.stderr)

    def each(self, commands: Sequence[Sequence[str | Path]], timeout: float = 120, **environ: str) -> list[Ended]:
        """Run many commands that are quick, one after another, sooner than each from its beginning."""
        with TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", FORKS, folder], input=json.dumps([list(map(str, one)) for one in commands]),
                cwd=self.folder, env=self._environ(environ), stdout=subprocess.PIPE, timeout=timeout, check=True,
                encoding="utf-8",
            )  # fmt: skip
            texts = [
                [Path(folder, f"{at}.{number}").read_text("utf-8", "surrogateescape") for number in (1, 2)]
                for at in range(len(commands))
            ]
        return [Ended(code, *text) for code, text in zip(json.loads(done.stdout), texts, strict=True)]

    def _environ(self, changes: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        return {**kept, "HOME": str(self.folder), "REELWORK_STORE": str(self.store), "NO_COLOR": "1", **changes}

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs as `jobs list --json` gives them."""
        listed: list[dict[str, Any]] = self.reelwork("jobs", "list", "--json").json
        return listed


def _text(raw: bytes | str | None) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds of film, as asked for by `Desk.workflow`."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_video(path, seconds=4.0, width=1280, height=720, fps=24).read_bytes()


@pytest.fixture
def serve(film: bytes) -> Iterator[Callable[..., VideoServer]]:
    """Start a server; keywords replace what it does right."""
    servers: list[VideoServer] = []

    def start(**instead: Any) -> VideoServer:
        servers.append(VideoServer(film, **instead))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
