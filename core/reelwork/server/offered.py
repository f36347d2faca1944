"""The workflows that a server offers: those of one folder, each by its name."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelwork.errors import NotFound
from reelwork.settings.paths import SETTINGS_FILE
from reelwork.text import name_problem
from reelwork_hooks.errors import ReelworkError


@dataclass(frozen=True)
class Offered:
    """The workflow files of a folder."""

    folder: Path
    brand: str = ""
    """The brand whose workflows they are; empty for all."""

    def names(self) -> list[str]:
        """Return the names of the workflows, as they are now."""
        return [name for name in self._all() if not self.brand or self._brand_of(name) == self.brand]

    def _brand_of(self, name: str) -> str:
        from reelwork.settings.workflow import load

        # A file that cannot be read is nobody's.
        with suppress(ReelworkError):
            return load(self.folder / f"{name}.toml", cwd=self.folder).workflow.brand
        return ""

    def _all(self) -> list[str]:
        try:
            found = [path for path in self.folder.glob("*.toml") if path.is_file() and path.name != SETTINGS_FILE]
        except OSError:
            return []
        return sorted(path.stem for path in found if not name_problem(path.stem))

    def path(self, name: str) -> Path:
        """Return the file of a workflow. Raises `NotFound`."""
        # By comparison, and never by joining: what a caller names must not become a path.
        if name not in (known := self.names()):
            raise NotFound("workflow", name, known, hint="" if known else f"Put FILE.toml into {self.folder}.")
        return self.folder / f"{name}.toml"
