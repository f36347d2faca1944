"""`reelwork plugins install`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.plugins.packages.changes import Brought, Changes
    from reelwork.plugins.packages.environment import Environment
    from reelwork.plugins.packages.inventory import Inventory
    from reelwork.plugins.packages.requests import Request


@click.command(
    "install",
    help="""Install packages with plugins into the environment that runs Reelwork: by pip, pipx or uv.

    PACKAGE is a name as in 'acme-board>=1.2', a wheel or a folder. Reelwork itself and the packages it needs keep
    their versions. The command that is run is shown first. A package that brings no plugin, or one that cannot be
    used, is uninstalled again, unless --keep is given.""",
    epilog="""\b
Exit codes:
  0  installed, and every plugin can be used
  1  the installer failed, or a package brings no plugin or one that cannot be used
  2  refused, and nothing was changed""",
)
@click.argument("packages", metavar="PACKAGE...", nargs=-1, required=True)
@click.option("--keep", is_flag=True, help="Leave it installed even if it brings no plugin that can be used.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options(plugins=True)
def install_plugins(packages: Sequence[str], keep: bool, yes: bool) -> None:
    """Install packages with plugins."""
    from reelwork.plugins.packages.changes import Changes, brought_by
    from reelwork.plugins.packages.environment import Environment
    from reelwork.plugins.packages.inventory import look
    from reelwork.plugins.packages.requests import requests_from

    environment, before = Environment.running(), look()
    requests = requests_from(packages, before.needed)
    missing = [one for one in requests if not one.met_by(before.packages.get(one.name))]
    changes = Changes(before, _installed(environment, before, missing, yes=yes) if missing else before)
    found = brought_by([one.name for one in requests], changes)
    useless = any(one.nothing or one.broken for one in found)
    new = [one.name for one in missing if one.name in changes.added]
    undone = bool(useless and new and not keep)
    if undone:
        _undo(environment, changes, new)
    code = 1 if useless or changes.of_reelwork else 0
    if shared().json:
        click.echo(json.dumps(_as_json(changes, found, undone, code), indent=2, ensure_ascii=False))
    else:
        _print(changes, found, undone)
    click.get_current_context().exit(code)


def _installed(environment: Environment, before: Inventory, requests: Sequence[Request], *, yes: bool) -> Inventory:
    """Name the command, ask, run it, and return what is installed then."""
    from reelwork.cli.commands.plugins_uninstall import agree
    from reelwork.plugins.packages.running import InstallerFailed, constraints_of, look_again, run

    environment.check(["install", *(one.text for one in requests)])
    names = ", ".join(one.name for one in requests)
    present = [one.name for one in requests if one.name in before.packages]
    with constraints_of(before) as constraints:
        commands = environment.install(requests, constraints, present)
        agree(commands, f"Install {names}?", yes=yes)
        try:
            run(commands)
        except InstallerFailed as error:
            raise _failed(names, before, error) from None
    return look_again()


def _failed(names: str, before: Inventory, error: Any) -> Exception:
    from reelwork.plugins.package_names import OURS
    from reelwork.plugins.packages.changes import Changes
    from reelwork.plugins.packages.running import look_again
    from reelwork_hooks.errors import ReelworkError

    changes = Changes(before, look_again())
    told = "Nothing was changed." if not changes.any else f"Changed all the same: {'; '.join(_changed(changes))}."
    hint = ""
    if error.conflict:
        hint = (
            f"Reelwork {before.packages.get(OURS, '')} and what it needs keep their versions. Ask for a version of "
            "the package that fits to them, or upgrade Reelwork first."
        )
    return ReelworkError(f"{names} could not be installed. {error.message}", money=told, hint=hint)


def _undo(environment: Environment, changes: Changes, new: Sequence[str]) -> None:
    from reelwork.cli.commands.plugins_uninstall import show
    from reelwork.plugins.packages.running import InstallerFailed, run
    from reelwork_hooks.errors import ReelworkError

    commands = environment.uninstall(new, [name for name in changes.added if name not in new])
    show(commands)
    try:
        run(commands)
    except InstallerFailed as error:
        raise ReelworkError(
            f"{', '.join(new)} brings no usable plugin, and could not be uninstalled again. {error.message}",
            hint=f"To uninstall it, run: {'; '.join(map(str, commands))}",
        ) from None


def _changed(changes: Changes) -> Iterator[str]:
    yield from (f"{name} {changes.after.packages[name]} is new" for name in changes.added)
    yield from (f"{name} {old} is now {new}" for name, (old, new) in changes.moved.items())
    yield from (f"{name} is gone" for name in changes.removed)


def _as_json(changes: Changes, found: Sequence[Brought], undone: bool, code: int) -> dict[str, object]:
    return {
        "packages": [
            {
                "name": one.package,
                "version": one.version,
                "plugins": [
                    {"name": plugin.name, "problem": plugin.problem or None, "examples": _examples(plugin.shown)}
                    for plugin in one.plugins
                ],
                "off": list(one.off),
                "commands": list(one.commands),
            }
            for one in found
        ],
        "changed": list(_changed(changes)),
        "uninstalled_again": undone,
        "exit_code": code,
    }


def _examples(shown: Any) -> list[str]:
    """Return the lines that use a plugin: the heads of the examples that its documentation has."""
    return ["\n".join(example.splitlines()[:2]) for example in shown.get("examples", ())]


def _print(changes: Changes, found: Sequence[Brought], undone: bool) -> None:
    from reelwork.cli.views.text import tell

    for one in found:
        tell("\n".join(_lines(one, new=one.package in changes.added)))
    named = {one.package for one in found}
    others = [name for name in changes.added if name not in named]
    if others and not undone:
        tell(f"Came with it: {', '.join(f'{name} {changes.after.packages[name]}' for name in others)}")
    for name, (old, new) in changes.moved.items():
        tell(f"{name} {old} is now {new}. To go back: reelwork plugins install {name}=={old}")
    if changes.of_reelwork:
        tell(
            f"Reelwork needs these, and they were to stay as they were: {', '.join(changes.of_reelwork)}", err=True
        )
    if undone:
        tell("All that was new is uninstalled again. To leave it installed, add --keep.", err=True)


def _lines(one: Brought, *, new: bool) -> Iterator[str]:
    yield f"{'Installed' if new else 'Is installed'}: {one.package} {one.version}"
    if one.nothing:
        yield "  It brings no plugin and no command of Reelwork's."
    for plugin in one.plugins:
        if plugin.problem:
            yield f"  {plugin.name}  cannot be used: {plugin.problem}"
            yield f"    If it stays installed, leave it out with: --no-plugin {plugin.name}"
            continue
        yield f"  {plugin.name}  {plugin.shown.get('summary', '')}".rstrip()
        for example in _examples(plugin.shown):
            yield from (f"    {line}" for line in example.splitlines())
        yield f"    All about it: reelwork plugins docs {plugin.name}"
    if one.others:
        yield f"  Brings the plugins of: {', '.join(one.others)}"
    yield from (f"  {name}  is switched off by --no-plugin or REELWORK_NO_PLUGINS" for name in one.off)
    yield from (f"  adds the command: reelwork {name}" for name in one.commands)
