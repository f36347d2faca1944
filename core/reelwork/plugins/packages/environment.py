"""The environment that runs Reelwork: which installer keeps it, and the commands that change it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from reelwork.plugins.packages.requests import NOTHING, Request
from reelwork.plugins.packages.uv_receipt import FILE as UV_RECEIPT
from reelwork.plugins.packages.uv_receipt import NotRepeatable, Receipt, read_receipt
from reelwork.redaction.redactor import without_credentials
from reelwork_hooks.errors import InvalidInput

PIPX_METADATA = "pipx_metadata.json"


class Kept(StrEnum):
    """Who keeps an environment."""

    PIPX = "pipx"
    UV_TOOL = "uv tool"
    UV = "uv"
    PIP = "pip"


@dataclass(frozen=True)
class Command:
    """A command of an installer, and what it finds in its environment beside ours."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it as it is typed into a shell, without credentials."""
        given = [f"{name}={shlex.quote(value)}" for name, value in self.environ.items()]
        return without_credentials(" ".join([*given, shlex.join(self.words)]))


@dataclass(frozen=True)
class Environment:
    """The interpreter that runs Reelwork, and where it installs packages."""

    executable: str
    prefix: Path
    base_prefix: Path
    site: Path
    """Where packages are installed."""
    stdlib: Path
    has_pip: bool
    find: Callable[[str], str | None] = shutil.which
    """Returns where a program is; None if it is not installed."""

    @classmethod
    def running(cls) -> Environment:
        """Return the one that runs this."""
        site, stdlib = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
        has_pip = importlib.util.find_spec("pip") is not None
        return cls(sys.executable, Path(sys.prefix), Path(sys.base_prefix), site, stdlib, has_pip)

    @cached_property
    def kept(self) -> Kept:
        """The program that keeps it."""
        if (self.prefix / PIPX_METADATA).is_file():
            return Kept.PIPX
        if (self.prefix / UV_RECEIPT).is_file():
            return Kept.UV_TOOL
        return Kept.PIP if self.has_pip or not self.find("uv") else Kept.UV

    @cached_property
    def receipt(self) -> Receipt:
        """The packages that a tool of uv was installed with, before any change. Raises `NotRepeatable`."""
        return read_receipt(self.prefix)

    def check(self, words: Sequence[str]) -> None:
        """Make sure that packages can be changed here. Raises `InvalidInput` with the command to run instead.

        `words` are what that command is to change, such as `install acme-board`.
        """
        action, *names = words
        by_pip = shlex.join([self.executable, "-m", "pip", *words])
        if self.prefix == self.base_prefix and (self.stdlib / "EXTERNALLY-MANAGED").is_file():
            raise _refused(
                f"This Python belongs to the system ({self.prefix}), which installs its packages itself.",
                f"Install Reelwork apart from it, and repeat this there: pipx install reelwork && "
                f"reelwork plugins {shlex.join(words)}",
            )
        if not os.access(self.site, os.W_OK):
            raise _refused(f"Packages cannot be written to {self.site}.", f"As who may write there, run: {by_pip}")
        if self.kept is Kept.PIP and not self.has_pip:
            raise _refused(
                "This environment has no pip, and uv is not installed.",
                f"Run: {shlex.join([self.executable, '-m', 'ensurepip'])} && {by_pip}",
            )
        if self.kept in (Kept.PIPX, Kept.UV_TOOL):
            self._check_keeper(action, names)

    def _check_keeper(self, action: str, names: Sequence[str]) -> None:
        program = self.kept.partition(" ")[0]
        pipx = ["pipx", "inject" if action == "install" else "uninject", self.prefix.name, *names]
        uv = ["uv", "tool", "install", "reelwork", *(word for name in names for word in ("--with", name))]
        by_hand = shlex.join(pipx if self.kept is Kept.PIPX else uv)
        if not self.find(program):
            raise _refused(
                f"{program} keeps this environment, and is not found.", f"Put it on the PATH, or run: {by_hand}"
            )
        if self.kept is not Kept.UV_TOOL:
            return
        try:
            _ = self.receipt
        except NotRepeatable as error:
            raise _refused(
                f"{error.message} To install the tool again could lose that.",
                f"Run it yourself, with all that it was installed with: {by_hand}",
            ) from None

    def install(
        self, requests: Sequence[Request], constraints: Path, present: Sequence[str] = ()
    ) -> tuple[Command, ...]:
        """Return the commands that install, and change nothing that the file of constraints names.

        `present` are packages of these that are there, in another version.
        """
        texts = tuple(request.text for request in requests)
        kept_as_is = ("--constraint", str(constraints))
        match self.kept:
            case Kept.PIPX:
                # By the environment: what is given as an option is written down, and the file is gone later.
                environ = {**self._pipx, "PIP_CONSTRAINT": str(constraints), "UV_CONSTRAINT": str(constraints)}
                force = ("--force",) if present else ()
                return (Command(("pipx", "inject", *force, self.prefix.name, *texts), environ),)
            case Kept.UV_TOOL:
                # uv would write the constraints down for ever, so they are only tried. It changes no package
                # that fits.
                new = [(request.name, request.text) for request in requests]
                tried = ("uv", "pip", "install", "--dry-run", "--python", self.executable, *kept_as_is, *texts)
                return (Command(tried), self._uv_tool(self.receipt.words(new)))
            case Kept.UV:
                return (Command(("uv", "pip", "install", "--python", self.executable, *kept_as_is, *texts)),)
        return (self._pip("install", *kept_as_is, *texts),)

    def uninstall(self, names: Sequence[str], brought: Sequence[str] = ()) -> tuple[Command, ...]:
        """Return the commands that uninstall packages, and those that came with them where no keeper knows these.

        For a tool of uv: that installs what it had at first, without them.
        """
        match self.kept:
            case Kept.PIPX:
                return (Command(("pipx", "uninject", self.prefix.name, *names), self._pipx),)
            case Kept.UV_TOOL:
                return (self._uv_tool(self.receipt.words(without=names)),)
            case Kept.UV:
                return (Command(("uv", "pip", "uninstall", "--python", self.executable, *names, *brought)),)
        return (self._pip("uninstall", "--yes", *names, *brought),)

    def _pip(self, *words: str) -> Command:
        # -P: a file pip.py in the folder where the person stands is not pip.
        return Command((self.executable, "-P", "-m", "pip", *words))

    @property
    def _pipx(self) -> dict[str, str]:
        # So that the same environment is meant, whatever is set now.
        return {"PIPX_HOME": str(self.prefix.parent.parent)}

    def _uv_tool(self, packages: Iterable[str]) -> Command:

        python = self.receipt.python or str(Path(self.executable).resolve())
        environ = {"UV_TOOL_DIR": str(self.prefix.parent)}
        if self.receipt.bin:
            environ["UV_TOOL_BIN_DIR"] = self.receipt.bin
        return Command(("uv", "tool", "install", "--python", python, *packages), environ)


def _refused(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, money=NOTHING, hint=hint)
