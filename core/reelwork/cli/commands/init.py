"""`reelwork init`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SCHEMA = "workflow.schema.json"


@dataclass(frozen=True)
class Starter:
    """A few files to begin with, and the commands to try them."""

    summary: str
    files: tuple[str, ...]
    introduction: str
    commands: tuple[str, ...]


FREE = "Try them; the provider `preview` is free and needs no key:"
STARTERS = {
    "first": Starter(
        "A first workflow, a batch file and a plugin of your own.",
        ("workflow.toml", "prompts.csv", "my_plugin.py"),
        FREE,
        ("run workflow.toml", "run prompts.csv --workflow workflow.toml", "plan workflow.toml"),
    ),
    "campaign": Starter(
        "One idea for several platforms, each in its own shape and style.",
        ("campaign.toml",),
        FREE,
        ("plan campaign.toml", "run campaign.toml --open"),
    ),
    "batch": Starter(
        "A prompt in each row of a file, with limits and a budget.",
        ("batch.toml", "prompts.csv"),
        FREE,
        ("plan prompts.csv --workflow batch.toml", "run prompts.csv --workflow batch.toml"),
    ),
    "live": Starter(
        "A real provider: address, key, price, limits, budget.",
        ("live.toml",),
        "Put your server's address into live.toml and its key into VIDEOS_API_KEY, then:",
        ("doctor live.toml", "plan live.toml", "run live.toml"),
    ),
}


def complete_starters(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return names of starters."""
    from click.shell_completion import CompletionItem

    found = [CompletionItem(n, help=s.summary) for n, s in STARTERS.items() if n.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


@click.command()
@click.argument("name", required=False, metavar="[NAME]", shell_complete=complete_starters)
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--list", "listing", is_flag=True, help="List the starters.")
@common_options()
def init(name: str | None, folder: Path | None, listing: bool) -> None:
    """Write commented files into DIR (here), to run and to change.

    NAME is one of those that --list shows; without it the files are `first`: a workflow, a batch file and a plugin.
    Beside them goes a JSON schema, with which an editor completes and checks workflows. Files that are there
    already are never overwritten.
    """
    if listing:
        _list()
        return
    from reelwork.cli.views.text import tell

    starter, place = _meant(name, folder)
    written = _write(starter, place)
    if shared().json:
        _print_json({"written": [str(path) for path in written]})
    else:
        tell(_next_steps(starter, place, written))


def _list() -> None:
    from reelwork.cli.views.text import described, line_width

    if shared().json:
        _print_json({name: {"summary": one.summary, "files": list(one.files)} for name, one in STARTERS.items()})
        return
    rows = [["NAME", "FILES", "WHAT IT IS"]]
    rows += [[name, ", ".join(one.files), one.summary] for name, one in STARTERS.items()]
    click.echo("\n".join(described(rows, width=line_width())))


def _print_json(value: object) -> None:
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _meant(name: str | None, folder: Path | None) -> tuple[Starter, Path]:
    """Return the starter and the folder that are meant; an unknown word is a folder unless it looks mistyped."""
    from difflib import get_close_matches

    from reelwork.errors import NotFound

    if name is None or name in STARTERS:
        return STARTERS[name or "first"], folder or Path()
    near = [] if "/" in name else get_close_matches(name.lower(), STARTERS, n=1, cutoff=0.7)
    if folder is not None or (near and not Path(name).exists()):
        hint = f"Known: {', '.join(STARTERS)}." + ("" if folder else f" For a folder of that name: ./{name}")
        raise NotFound("starter", name, STARTERS, hint=hint)
    return STARTERS["first"], Path(name)


def _write(starter: Starter, folder: Path) -> list[Path]:
    from reelwork.cli.commands.schema import schema_text
    from reelwork.errors import WorkflowInvalid

    there = [name for name in starter.files if (folder / name).exists()]
    # All or none: half of an example beside files of one's own would not run.
    if there:
        *first, last = [str(folder / name) for name in there]
        names = f"{', '.join(first)} and {last}" if first else last
        raise WorkflowInvalid(
            f"{names} already exist{'s' if len(there) == 1 else ''}.",
            money="Nothing was written.",
            hint=f"Move {'it' if len(there) == 1 else 'them'} away, or name another folder: reelwork init DIR",
        )
    texts = {name: _starter(name) for name in starter.files}
    if not (folder / SCHEMA).exists():
        texts[SCHEMA] = schema_text()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            # Never over a file that somebody has made since the check.
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise WorkflowInvalid(f"{folder} cannot be written: {error.strerror}.") from error
    return [folder / name for name in texts]


def _starter(name: str) -> str:
    return (resources.files("reelwork.cli") / "starters" / f"{name}.txt").read_text(encoding="utf-8")


def _next_steps(starter: Starter, folder: Path, written: list[Path]) -> str:
    notes = {SCHEMA: "  (for your editor)"}
    files = "\n".join(f"  {path}{notes.get(path.name, '')}" for path in written)
    commands = [f"  cd {folder}"] if folder != Path() else []
    commands += [f"  reelwork {command}" for command in starter.commands]
    return "\n".join(["Written:", files, "", starter.introduction, *commands])
