"""The folder that results are written to."""

from __future__ import annotations

from pathlib import Path

from reelwork.errors import WorkflowInvalid
from reelwork.ids import new_id


def check_output_folder(folder: Path) -> None:
    """Make sure results can be written. Raises `WorkflowInvalid`."""
    if folder.exists() and not folder.is_dir():
        raise WorkflowInvalid(f"The output folder {folder} is a file.", hint="Name another folder with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Really written: the rights of a folder say little about a read-only or network file system.
        probe = folder / f".reelwork-{new_id()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkflowInvalid(
            f"The output folder {folder} cannot be written: {error.strerror}.",
            hint="Name another folder with --out.",
        ) from error
