"""Writes the package of a new plugin: module, tests, pyproject, README and CI file, from templates."""

from __future__ import annotations

import builtins
import keyword
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import reelwork_hooks
from reelwork.version import __version__
from reelwork_hooks.errors import InvalidInput

KINDS = (
    *("check_brief", "pre_moderate", "prompt_transform", "post_download", "publish", "job_event"),
    *("provider", "storage", "platform", "command"),
)
"""The kinds of a new plugin: one of six hooks, or a provider, a storage, a platform or a command."""
SUMMARIES = {
    "check_brief": "A Reelwork plugin that finds briefs without a title before anything is made",
    "pre_moderate": "A Reelwork plugin that has a person look first at what mentions certain words",
    "prompt_transform": "A Reelwork plugin that gives every prompt the same ending",
    "post_download": "A Reelwork plugin that writes a JSON file beside every video",
    "publish": "A Reelwork plugin that posts videos to an HTTP service",
    "job_event": "A Reelwork plugin that writes down which jobs ended, and which wait for a person",
    "provider": "A Reelwork provider that asks an HTTP service for videos",
    "storage": "A Reelwork plugin that stores finished files in a folder of their own",
    "platform": "A platform for Reelwork, with its shape and its limits",
    "command": "A command of Reelwork that shows the newest jobs and what they cost",
}
LONGEST_NAME = 50
PREFIX = "reelwork-"
NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True)
class Names:
    """Everything a new plugin is called."""

    name: str
    """In workflows."""

    @property
    def distribution(self) -> str:
        """On an index of packages, and the folder's name."""
        return f"{PREFIX}{self.name}"

    @property
    def module(self) -> str:
        """In `import`."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The plugin's class. Never a name that it would hide."""
        made = "".join(part.capitalize() for part in self.name.split("-"))
        taken = {*reelwork_hooks.__all__, *dir(builtins), *keyword.kwlist}
        return f"{made}Plugin" if made in taken else made

    @property
    def environment(self) -> str:
        """The beginning of its environment variables."""
        return self.name.replace("-", "_").upper()


@dataclass(frozen=True)
class Written:
    """The plugin that was written."""

    names: Names
    kind: str
    folder: Path
    files: tuple[Path, ...]
    """Relative to the folder."""


def names_from(text: str) -> Names:
    """Return the names of a plugin, from what a person typed. Raises `InvalidInput`.

    Capitals, dots and underscores become what a package index makes of them (PEP 503): `Camera_Move` is
    `camera-move`. A leading `reelwork-` belongs to the distribution only.
    """
    name = re.sub(r"[-_.]+", "-", text.strip()).lower().removeprefix(PREFIX)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise InvalidInput(
            f"{text!r} cannot be a plugin's name.",
            money=NOTHING_WRITTEN,
            hint="Use small letters, digits and single hyphens, and a letter first: camera-move.",
        )
    if len(name) > LONGEST_NAME:
        raise InvalidInput(
            f"{name!r} is too long for a plugin's name: {len(name)} characters.",
            money=NOTHING_WRITTEN,
            hint=f"Use at most {LONGEST_NAME}.",
        )
    return Names(name)


def write_package(names: Names, kind: str, parent: Path) -> Written:
    """Write the package into a new folder below `parent`. Raises `InvalidInput` when it is there already.

    The folder comes into being whole or not at all.
    """
    folder = parent / names.distribution
    # `exists` follows a link, and says no of one that leads nowhere.
    if folder.exists() or folder.is_symlink():
        raise InvalidInput(
            f"{folder} already exists.",
            money=NOTHING_WRITTEN,
            hint="Move it away, choose another name, or name another place with --dir.",
        )
    texts = dict(_texts(names, kind))
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder: within one file system the move is a rename, which happens whole or not at all.
        with tempfile.TemporaryDirectory(dir=parent, prefix=f".{names.distribution}-") as passing:
            for path, text in texts.items():
                target = Path(passing) / "new" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            shutil.move(Path(passing) / "new", folder)
    except OSError as error:
        problem = f"{folder} cannot be written: {error.strerror or error}."
        raise InvalidInput(problem, money=NOTHING_WRITTEN) from error
    return Written(names, kind, folder, tuple(map(Path, texts)))


def _texts(names: Names, kind: str) -> Iterator[tuple[str, str]]:
    """Yield each file of the package by its path, filled in."""
    templates = resources.files("reelwork.plugins.scaffold") / "templates"
    common, own = templates / "common", templates / kind
    # A command is not named by workflows, so it has a page of its own instead.
    usage, page = own / "usage.toml.txt", own / "README.md.txt"
    words = _words(names, kind, _read(usage) if usage.is_file() else "")
    places = {
        "pyproject.toml": common / "pyproject.toml.txt",
        f"{names.module}.py": own / "module.py.txt",
        f"tests/test_{names.name.replace('-', '_')}.py": own / "test.py.txt",
        "README.md": page if page.is_file() else common / "README.md.txt",
        ".gitignore": common / "gitignore.txt",
        ".github/workflows/ci.yml": common / "ci.yml.txt",
    }
    recordings = own / "recordings"
    if recordings.is_dir():
        for recording in sorted(recordings.iterdir(), key=lambda file: file.name):
            places[f"tests/recordings/{recording.name.removesuffix('.txt')}"] = recording
    for path, template in places.items():
        yield path, _filled(_read(template), words)


def _read(template: Traversable) -> str:
    return template.read_text(encoding="utf-8")


def _words(names: Names, kind: str, usage: str) -> dict[str, str]:
    # Modules with `register_…` functions are named whole.
    target = {"provider": "", "platform": "", "command": ":command"}.get(kind, f":{names.class_name}")
    words = {
        "NAME": names.name,
        "DISTRIBUTION": names.distribution,
        "MODULE": names.module,
        "CLASS": names.class_name,
        "ENV": names.environment,
        "DESCRIPTION": SUMMARIES[kind],
        "GROUP": "reelwork.commands" if kind == "command" else "reelwork.plugins",
        "TARGET": f"{names.module}{target}",
        "REQUIREMENT": f"reelwork>={'.'.join(__version__.split('.')[:2])},<2",
    }
    return {**words, "USAGE": _filled(usage, words).rstrip()}


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"__([A-Z]+?)__", lambda found: words.get(found[1], found[0]), text)
