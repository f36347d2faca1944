"""The fields of Meta's Graph API v26.0 as its own client for Python (`facebook-business` 26.0.3) types them.

`graph.json` was read from that package by `read` below. Where the package is installed it is compared again.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from tests.plugins.publishers.instagram.graph import installed, parameters_in, tables_in, wrong

HERE = Path(__file__).parent
CALLS = ("create_video_reel", "create_video", "get_videos", "get_video_reels")
OBJECTS = {
    "video": "advideo",
    "status": "videostatus",
    "uploading_phase": "videostatusuploadingphase",
    "processing_phase": "videostatusprocessingphase",
    "publishing_phase": "videostatuspublishingphase",
}
__all__ = ["installed", "read", "stored", "wrong"]


def stored() -> dict[str, dict[str, str]]:
    """The parameters of calls and the fields of objects, with their types."""
    found: dict[str, dict[str, str]] = json.loads((HERE / "graph.json").read_text(encoding="utf-8"))
    return found


def read(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the package says of a page's videos."""
    tree = ast.parse((folder / "page.py").read_text(encoding="utf-8"))
    made = {name: types for name, types in parameters_in(tree) if name in CALLS}
    for name, file in OBJECTS.items():
        tree = ast.parse((folder / f"{file}.py").read_text(encoding="utf-8"))
        made[name] = next(types for named, types in tables_in(tree) if named == "_field_types")
    return made
