"""`reelwork plugins new`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.plugins.scaffold import Names, Written

# Written out: asking the scaffold would load the contract for every --help.
KINDS = (
    *("check_brief", "pre_moderate", "prompt_transform", "post_download", "publish", "job_event"),
    *("provider", "storage", "platform", "command"),
)


@click.command("new")
@click.argument("name", metavar="NAME")
@click.option("--hook", "kind", type=click.Choice(KINDS), default="prompt_transform", show_default=True,
              metavar="KIND", help=f"What it is to do: {', '.join(KINDS[:6])}, or be a "
              f"{', '.join(KINDS[6:-1])} or {KINDS[-1]}.")  # fmt: skip
@click.option("--dir", "parent", type=Path, default=".", metavar="DIR", help="The folder to write it into (here).")
@common_options(plugins=True)
def new_plugin(name: str, kind: str, parent: Path) -> None:
    """Write a complete package for a plugin: module, tests, pyproject, README and CI file.

    NAME is what workflows call it, such as camera-move. The package is reelwork-NAME, in a folder of that name,
    which must not be there yet. It can be installed, and its tests pass, as it is.
    """
    from reelwork.plugins.scaffold import names_from, write_package

    names = names_from(name)
    # Two plugins of one name are both refused, so the new one would break the installed one.
    _check_free(names)
    written = write_package(names, kind, parent.expanduser())
    if shared().json:
        answer = {
            "plugin": names.name,
            "package": names.distribution,
            "hook": kind,
            "folder": str(written.folder),
            "files": [str(path) for path in written.files],
        }
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        click.echo(_next_steps(written))


def _check_free(names: Names) -> None:
    from reelwork.plugins.catalog import Catalog
    from reelwork.plugins.scaffold import NOTHING_WRITTEN
    from reelwork_hooks.errors import InvalidInput

    if names.name in Catalog().names():
        raise InvalidInput(
            f"A plugin called {names.name!r} is installed already; of two, neither could be used.",
            money=NOTHING_WRITTEN,
            hint="Choose another name. `reelwork plugins list` shows those that are taken.",
        )


def _next_steps(written: Written) -> str:
    name = written.names.name
    look = f"reelwork {name} --help" if written.kind == "command" else f"reelwork plugins show {name}"
    files = "\n".join(f"  {written.folder / path}" for path in written.files)
    return f"""Written:
{files}

It works as it is. Install it beside Reelwork, in the same environment, and test it:
  cd {written.folder}
  pip install -e ".[test]"
  pytest
  reelwork plugins check .
  {look}

Then change {written.names.module}.py to do what you want."""
