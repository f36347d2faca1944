"""The options of `run` and `plan`, and what they ask for together."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from reelwork.cli.completions import (
    complete_files,
    complete_heights,
    complete_platforms,
    complete_plugins,
    complete_providers,
    complete_ratios,
)

F = TypeVar("F", bound=Callable[..., Any])

# More than any prompt, and little enough to read at once: a batch or a video may have been piped in by mistake.
MOST_OF_STDIN = 1_000_000
"""Bytes."""

# Written out: asking the contract would load it for every --help.
ROLES = ("first_frame", "last_frame", "subject", "style", "source", "audio")
"""The roles of a reference."""

BRIEF_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--duration",), {"type": float, "metavar": "SECONDS", "help": "Length of the video."}),
    (
        ("--resolution",),
        {
            "metavar": "HEIGHT",
            "help": "Height class, such as 480p, 720p, 1080p or 4k.",
            "shell_complete": complete_heights,
        },
    ),
    (
        ("--aspect-ratio",),
        {
            "metavar": "W:H",
            "help": "Such as 16:9, 9:16, 1:1, 21:9 or 4:3. By default the platform's own.",
            "shell_complete": complete_ratios,
        },
    ),
    (("--fps",), {"type": int, "metavar": "N", "help": "Frames per second."}),
    (("--seed",), {"type": int, "metavar": "N", "help": "The same seed gives the same video, where offered."}),
    (("--takes", "-n"), {"type": int, "metavar": "N", "help": "Variations to make, 1 to 4; each is paid for."}),
    (
        ("--publish-at",),
        {
            "metavar": "TIME",
            "help": 'When to post: "2026-12-24T18:00 Europe/Berlin". It is made before.',
        },
    ),
    (("--publish-takes",), {"type": click.Choice(["first", "all"]), "help": "The takes to publish."}),
    (("--quality",), {"type": click.Choice(["standard", "hd"]), "help": "The quality to request."}),
    (("--model",), {"metavar": "NAME", "help": "The provider's name of a model."}),
    (("--negative-prompt",), {"metavar": "TEXT", "help": "Things that must not be seen."}),
    (("--input-reference",), {"metavar": "FILE|URL", "help": "A picture to start from."}),
    (
        ("--reference", "references"),
        {
            "multiple": True,
            "metavar": "[ROLE=]FILE|URL",
            "help": f"A picture, clip or sound, with its role ({', '.join(ROLES)}) or time (ROLE@SECONDS=); "
            "repeat for more.",
        },
    ),
    (
        ("--platform", "platforms"),
        {
            "multiple": True,
            "metavar": "NAME",
            "help": "Where it will be watched; repeat for more.",
            "shell_complete": complete_platforms,
        },
    ),
    (("--title",), {"metavar": "TEXT", "help": "The post's title."}),
    (("--caption",), {"metavar": "TEXT", "help": "The post's caption."}),
    (("--hashtag", "hashtags"), {"multiple": True, "metavar": "TAG", "help": "A hashtag; repeat for more."}),
    (("--privacy",), {"type": click.Choice(["public", "unlisted", "private"]), "help": "Who may see the post."}),
    (
        ("--metadata",),
        {"multiple": True, "metavar": "KEY=VALUE", "help": "A value stored with the job; repeat for more."},
    ),
    (
        ("--var", "vars"),
        {"multiple": True, "metavar": "KEY=VALUE", "help": "A value for plugins and templates; repeat for more."},
    ),
    (
        ("--option", "options"),
        {"multiple": True, "metavar": "KEY=VALUE", "help": "A parameter of the provider; repeat for more."},
    ),
    (("--webhook",), {"metavar": "URL", "help": "An address the provider calls when it is ready."}),
)

WORKFLOW_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--workflow",), {"type": Path, "metavar": "FILE.toml", "help": "Settings for a prompt or a batch."}),
    (
        ("--provider",),
        {
            "metavar": "NAME",
            "help": "The provider; `preview` is free.",
            "shell_complete": complete_providers,
        },
    ),
    (("--out",), {"type": Path, "metavar": "DIR", "help": "The folder for results (reelwork-out)."}),
    (
        ("--plugin", "plugins"),
        {
            "multiple": True,
            "metavar": "NAME|FILE.py",
            "help": "Also run this plugin; repeat for more.",
            "shell_complete": complete_plugins,
        },
    ),
    (
        ("--set", "assignments"),
        {"multiple": True, "metavar": "SECTION.KEY=VALUE", "help": "Any setting of the workflow."},
    ),
)


@dataclass(frozen=True)
class Request:
    """A command line's request for videos."""

    what: str | Path | None
    """A prompt, a file, or nothing when the workflow holds the brief."""
    workflow: Path | None
    out: Path | None
    settings: Mapping[str, Any]
    brief: Mapping[str, Any]


def making_options(function: F) -> F:
    """Add WHAT and every option that says what is to be made."""
    # click shows options in the order of decorators from the top, which are applied from the bottom.
    for names, settings in reversed((*BRIEF_OPTIONS, *WORKFLOW_OPTIONS)):
        function = click.option(*names, **settings)(function)
    return click.argument("what", required=False, metavar="[WHAT]", shell_complete=complete_files)(function)


def showing_options(function: F) -> F:
    """Add `--open` and `--no-sheet`."""
    text = "Do not make the contact sheet, a picture of all videos."
    function = click.option("--no-sheet", is_flag=True, help=text)(function)
    return click.option("--open", "show", is_flag=True, help="Open the videos in the browser at the end.")(function)


def request_from(
    *,
    what: str | None,
    workflow: Path | None,
    out: Path | None,
    provider: str | None,
    plugins: Sequence[str],
    assignments: Sequence[str],
    **brief: Any,
) -> Request:
    """Return the options as one request. Raises `WorkflowInvalid`, or click's `UsageError`."""
    from reelwork.settings.layers import from_assignments

    _check_not_empty(provider=provider, plugin=plugins, **brief)
    if what == "-":
        # As a field of the brief: even if it looks like a file name, it is a prompt.
        what, brief["prompt"] = None, _prompt_of_stdin()
    meant = what_is_meant(what)
    if isinstance(meant, Path) and meant.suffix.lower() == ".toml" and workflow is not None:
        raise click.UsageError(f"{meant} is a workflow itself; leave --workflow {workflow} out.")
    settings = from_assignments(assignments)
    if provider:
        settings.setdefault("provider", {})["use"] = provider
    if plugins:
        settings.setdefault("plugins", {})["add"] = [_plugin(name) for name in plugins]
    return Request(meant, workflow, out, settings, _brief(brief))


def what_is_meant(what: str | None) -> str | Path | None:
    """Return a path if this ends like a file, else a prompt.

    Raises `WorkflowInvalid` for what looks like a file and is none, or click's `UsageError`.
    """
    # A mistyped file name must be an error. As a prompt it would be made, and paid for.
    if what is None:
        return None
    from reelwork.settings.paths import BATCHES

    path = Path(what)
    spaced = any(character.isspace() for character in what)
    if what.lower().endswith((".toml", *BATCHES)) and (not spaced or _exists(path)):
        return _there_or_nowhere_near(path)
    if not spaced and what and _is_folder(path):
        raise click.UsageError(f"{what} is a folder; name the workflow or batch file in it.")
    if not spaced and what and _is_file(path):
        # Any other single word that names a file is meant as one: `run` says then what files it takes.
        return path
    _check_is_prompt(what)
    return what


def _there_or_nowhere_near(path: Path) -> Path:
    """Return the path. Raises `WorkflowInvalid` if it is not there and one with nearly its name is."""
    if not _exists(path):
        from reelwork.studio.mistyped import near_file, no_such_file

        if near_file(str(path)):
            raise no_such_file(str(path), otherwise="")
    return path


def _check_is_prompt(what: str) -> None:
    from reelwork.studio.mistyped import looks_like_file, no_such_file

    if looks_like_file(what):
        raise no_such_file(what, otherwise="To make it as a prompt, give it to: reelwork run -")


def _prompt_of_stdin() -> str:
    """Return the prompt on standard input. Raises click's `UsageError`."""
    data = sys.stdin.buffer.read(MOST_OF_STDIN + 1)
    if len(data) > MOST_OF_STDIN:
        raise click.UsageError("Standard input holds more than a prompt; many prompts go into a batch file.")
    try:
        prompt = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"Standard input is not UTF-8 text: byte {data[error.start]:#04x}.") from None
    if not prompt:
        raise click.UsageError("There is no prompt on standard input.")
    return prompt


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


NEVER_EMPTY = ("provider", "plugin", "model", "platforms", "input_reference", "references", "webhook")


def _check_not_empty(**options: Any) -> None:
    """Refuse options that are empty."""
    # A script with an unset variable says `--provider ""`. Taken as left out, the default may cost money.
    for name in NEVER_EMPTY:
        given = options.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None and not str(value).strip(" ,"):
                option = "--" + name.removesuffix("s").replace("_", "-")
                raise click.UsageError(f"{option} is empty. Name one, or leave the option out.")


def _plugin(name: str) -> str:
    # A path on the command line is relative to this folder, one in a workflow to the workflow's folder.
    from reelwork.settings.paths import here

    return str(here() / Path(name).expanduser()) if name.endswith(".py") else name


def _brief(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "hashtags" in given:
        given["hashtags"] = [tag.lstrip("#") for tag in given["hashtags"]]
    if "platforms" in given:
        given["platforms"] = [name for names in given["platforms"] for name in names.split(",") if name]
    if "metadata" in given:
        given["metadata"] = dict(key_and_value(pair, "--metadata") for pair in given["metadata"])
    if "vars" in given:
        given["vars"] = dict(key_and_value(pair, "--var") for pair in given["vars"])
    if "options" in given:
        given["options"] = dict(key_and_value(pair, "--option", nested=True) for pair in given["options"])
    if "input_reference" in given or "references" in given:
        first = [given.pop("input_reference")] if "input_reference" in given else []
        own = [{"source": _reference(source)} for source in first]
        given["references"] = [*own, *map(_with_role, given.get("references", ()))]
    return given


def key_and_value(pair: str, option: str, *, nested: bool = False) -> tuple[str, Any]:
    """Return the two parts of a value such as `KEY=VALUE`. Raises `click.BadParameter`."""
    from reelwork.settings.layers import scalar

    key, equals, text = pair.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"{pair!r} is not of the form KEY=VALUE.", param_hint=option)
    value = scalar(text)
    return key.strip(), value if nested or isinstance(value, bool | int | float | str) else text


# A name that is no role is refused: a misspelt one would else be a part of the file's name. `./a=b.png` is a file.
_ROLE = re.compile(r"([A-Za-z][A-Za-z_-]*)?(?:@([0-9.]+))?=(.+)", re.DOTALL)


def _with_role(text: str) -> dict[str, Any]:
    """Return the reference in `FILE`, `ROLE=FILE`, `ROLE@SECONDS=FILE` or `@SECONDS=FILE`."""
    parts = _ROLE.fullmatch(text)
    if parts is None or not (parts[1] or parts[2]):
        return {"source": _reference(text)}
    role = parts[1].lower().replace("-", "_") if parts[1] else None
    if role is not None and role not in ROLES:
        hint = f"One of: {', '.join(ROLES)}. A file of such a name is ./{text}"
        raise click.BadParameter(f"{parts[1]!r} is not a role of a reference. {hint}", param_hint="--reference")
    given: dict[str, Any] = {"source": _reference(parts[3])}
    return {**given, **({"role": role} if role else {}), **({"at": parts[2]} if parts[2] else {})}


def _reference(source: str) -> str:
    from reelwork.settings.paths import here

    return source if "://" in source else str(here() / Path(source).expanduser())
