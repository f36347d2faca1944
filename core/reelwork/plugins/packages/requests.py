"""The packages that are asked for, checked before an installer sees them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reelwork.errors import NotFound, shortened
from reelwork.plugins.package_names import OURS, normalized
from reelwork.plugins.packages.inventory import Inventory
from reelwork_hooks.errors import InvalidInput

NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class Request:
    """A package to install: its normalized name, and the requirement as the installer gets it."""

    name: str
    text: str

    def met_by(self, version: str | None) -> bool:
        """Return whether this version, if any is installed, is what is asked for."""
        asked = Requirement(self.text)
        plain = asked.url is None and not asked.extras
        return version is not None and plain and asked.specifier.contains(version, prereleases=True)


def requests_from(texts: Iterable[str], needed: Collection[str]) -> list[Request]:
    """Return what is asked for, each package once.

    Raises `InvalidInput` for what is no package, and for Reelwork and what it needs, which stay as they are.
    """
    found: dict[str, Request] = {}
    for text in texts:
        request = _from_path(Path(text)) if _is_path(text) else _from_requirement(text)
        if request.name == OURS or request.name in needed:
            raise InvalidInput(
                f"{request.name} is {'Reelwork itself' if request.name == OURS else 'needed by Reelwork'}, "
                "and stays as it is.",
                money=NOTHING,
                hint="This command only installs packages with plugins.",
            )
        if found.setdefault(request.name, request) != request:
            raise InvalidInput(f"{request.name} is named twice, each time in another way.", money=NOTHING)
    return list(found.values())


def _is_path(text: str) -> bool:
    return "@" not in text and (os.sep in text or text.endswith(".whl") or text in (".", ".."))


def _from_requirement(text: str) -> Request:
    try:
        asked = Requirement(text)
    except InvalidRequirement as error:
        raise InvalidInput(
            f"{shortened(text)!r} is not the name of a package: {shortened(str(error).partition(chr(10))[0])}",
            money=NOTHING,
            hint="Write for example acme-board, 'acme-board>=1.2' or ./acme_board-1.2-py3-none-any.whl.",
        ) from None
    return Request(normalized(asked.name), str(asked))


def _from_path(path: Path) -> Request:
    if not path.exists():
        raise InvalidInput(f"There is no file or folder {path}.", money=NOTHING)
    name = _named_in(path)
    return Request(normalized(name), f"{name} @ {path.resolve().as_uri()}")


def _named_in(path: Path) -> str:
    try:
        if path.is_file():
            return parse_wheel_filename(path.name)[0]
        return str(tomllib.loads((path / "pyproject.toml").read_text("utf-8"))["project"]["name"])
    except InvalidWheelFilename:
        raise InvalidInput(f"{path} is not a wheel.", money=NOTHING) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInput(f"{path} has no pyproject.toml with the name of a package.", money=NOTHING) from None


def names_from(texts: Iterable[str], installed: Inventory) -> list[str]:
    """Return the packages to uninstall. Raises `InvalidInput` for any that is not installed or must stay."""
    names = list(dict.fromkeys(normalized(text) for text in texts))
    for name in names:
        if name == OURS or name in installed.needed:
            what = "Reelwork itself" if name == OURS else "needed by Reelwork"
            raise InvalidInput(f"{name} is {what}: it is not uninstalled.", money=NOTHING)
        if name not in installed.with_plugins:
            raise _no_package(name, installed)
        users = sorted(one for one, needs in installed.needs.items() if name in needs and one not in names)
        if users:
            raise InvalidInput(
                f"{name} is needed by {', '.join(users)}.",
                money=NOTHING,
                hint="Uninstall these first, or all at once.",
            )
    return names


def _no_package(name: str, installed: Inventory) -> InvalidInput:
    home = installed.plugins.get(name)
    if home == OURS:
        return InvalidInput(
            f"The plugin {name!r} comes with Reelwork.", money=NOTHING, hint=f"To leave it out: --no-plugin {name}"
        )
    hint = f"{name} is a plugin of the package {home}." if home else "For all packages: reelwork plugins list"
    problem = NotFound("package with plugins", name, installed.with_plugins, hint=hint)
    problem.money = NOTHING
    return problem
