"""`reelwork schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reelwork.cli.shared import common_options

BUILT_IN = "reelwork_plugins."


@click.command()
@click.option("--out", type=Path, metavar="FILE", help="Write to this file instead of standard output.")
@click.option("--built-in", is_flag=True, help="Only the plugins that come with Reelwork.")
@common_options(json=False, plugins=True)
def schema(out: Path | None, built_in: bool) -> None:
    """Write the JSON schema of workflow files, for the plugins that are installed.

    An editor that knows the schema completes keys and underlines mistakes. Name it in a workflow's first line:

    \b
      #:schema ./workflow.schema.json
    """
    text = schema_text(built_in=built_in)
    if out is None:
        click.echo(text, nl=False)
        return
    write_schema(out, text)
    click.echo(f"Written: {out}")


def schema_text(*, built_in: bool = False) -> str:
    """Return the schema as it is written into a file."""
    import importlib.metadata

    from reelwork.plugins.catalog import GROUP, Catalog
    from reelwork.plugins.definition import Definition
    from reelwork.studio.workflow_schema import workflow_schema

    # A schema that is published must not depend on what its author has installed, hence `--built-in`.
    entries = importlib.metadata.entry_points(group=GROUP)
    catalog = Catalog([entry for entry in entries if not built_in or entry.value.startswith(BUILT_IN)])
    plugins = [item for item in catalog.everything() if isinstance(item, Definition)]
    return json.dumps(workflow_schema(plugins), indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path, text: str) -> None:
    """Write it. Raises `WorkflowInvalid`."""
    from reelwork.errors import WorkflowInvalid

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkflowInvalid(f"{path} cannot be written: {error.strerror}.") from error
