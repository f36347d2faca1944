"""`reelwork init`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from reelwork.cli.common import common_options

STARTERS = ("workflow.toml", "prompts.csv", "my_plugin.py")


@click.command()
@click.argument("folder", default=".", type=Path, metavar="[DIR]")
@common_options(json=False)
def init(folder: Path) -> None:
    """Write a first workflow, batch file and plugin into DIR (here), to run and to change.

    Files that are there already are never overwritten.
    """
    from reelwork.errors import WorkflowInvalid

    there = [name for name in STARTERS if (folder / name).exists()]
    if there:
        names = " and ".join(str(folder / name) for name in there)
        raise WorkflowInvalid(
            f"{names} {'is' if len(there) == 1 else 'are'} there already.",
            money="Nothing was written.",
            hint="Move it away, or name another folder: reelwork init DIR",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in STARTERS:
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(_starter(name))
    except OSError as error:
        raise WorkflowInvalid(f"{folder} cannot be written: {error.strerror}.") from error
    click.echo(_next_steps(folder))


def _starter(name: str) -> str:
    return (resources.files("reelwork.cli") / "starters" / f"{name}.txt").read_text(encoding="utf-8")


def _next_steps(folder: Path) -> str:
    written = "\n".join(f"  {folder / name}" for name in STARTERS)
    change = "" if folder == Path() else f"  cd {folder}\n"
    return f"""Written:
{written}

Try them; the provider `preview` is free and needs no key:
{change}  reelwork run workflow.toml
  reelwork run prompts.csv --workflow workflow.toml
  reelwork plan workflow.toml"""
