"""The fields of X's API v2 as X's own client for Python (`xdk` 0.10.6) names them.

`xdk.json` was read from that package by `read` below. Where the package is installed it is compared again.
"""

from __future__ import annotations

import ast
import json
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
MODELS = (
    *("CreatePostsRequest", "CreatePostsMedia", "CreatePostsResponseData", "InitializeMediaUploadRequest"),
    *("AppendMediaUploadRequest", "CreateMediaMetadataRequest", "CreateMediaMetadataMetadataAltText"),
    *("FinalizeMediaUploadResponseData", "GetMediaUploadStatusResponseData"),
    *("FinalizeMediaUploadResponseDataProcessingInfo", "InitializeMediaUploadResponseData"),
    *("CreateMediaSubtitlesRequest", "CreateMediaSubtitlesSubtitles", "CreateMediaSubtitlesResponseData"),
)


def stored() -> dict[str, dict[str, str]]:
    """The fields of each model, with their types."""
    found: dict[str, dict[str, str]] = json.loads((HERE / "xdk.json").read_text(encoding="utf-8"))
    return found


def installed() -> Path | None:
    """The file of the package; None where it is not installed."""
    spec = find_spec("xdk")
    return Path(spec.origin).with_name("schemas.py") if spec is not None and spec.origin else None


def read(schemas: Path) -> dict[str, dict[str, str]]:
    """Return what the package says."""
    tree = ast.parse(schemas.read_text(encoding="utf-8"))
    return {
        node.name: {
            one.target.id: ast.unparse(one.annotation)
            for one in node.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in MODELS
    }
