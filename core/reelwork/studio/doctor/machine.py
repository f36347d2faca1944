"""Checks of this machine: extras, plugins, encoders, fonts, disk, store, clock."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reelwork.plugins.catalog import Broken, Catalog
from reelwork.plugins.switched_off import BY, VARIABLE
from reelwork.plural import counted
from reelwork.version import __version__
from reelwork_hooks.errors import ReelworkError

if TYPE_CHECKING:
    from reelwork.store.health import Health

Level = Literal["ok", "note", "warning", "failure"]

LITTLE_DISK, NO_DISK = 2_000_000_000, 200_000_000
"""Bytes free below which a warning, or a failure, is given."""
CLOCK_TOLERANCE = 60.0
"""Seconds by which a line in the store may be ahead of this machine's clock."""
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that says less is wrong."""
OTHER_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "DroidSansFallbackFull.ttf", "PingFang.ttc",
               "msyh.ttc", "YuGothM.ttc", "wqy-microhei.ttc", "Arial Unicode.ttf")  # fmt: skip
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*;.*extra\s*==\s*["']([A-Za-z0-9_-]+)["']""")


@dataclass(frozen=True)
class Finding:
    """The result of one check. A `failure` keeps videos from being made."""

    level: Level
    area: str
    text: str
    hint: str = ""


def machine(store: Path, catalog: Catalog) -> Iterator[Finding]:
    """Check this machine, and yield the findings. Reads only."""
    yield Finding(
        "ok", "system", f"Reelwork {__version__}, Python {platform.python_version()}, {platform.system()}"
    )
    yield from _extras()
    yield from _plugins(catalog)
    yield _encoder()
    yield from _fonts()
    yield from _store(store)
    yield _disk(store)
    yield _clock()


def _extras() -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("reelwork") or ():
        if (found := _REQUIREMENT.match(line)) and found[1].lower() != "reelwork":
            wanted.setdefault(found[2], []).append(found[1])
    wanted.pop("all", None)
    for extra, names in sorted(wanted.items()):
        missing = [name for name in names if not _is_installed(name)]
        if missing:
            text = f"{extra}: not installed ({', '.join(missing)})"
            yield Finding("note", "extras", text, f'If you need it: pip install "reelwork[{extra}]"')
        else:
            yield Finding("ok", "extras", f"{extra}: installed")


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _plugins(catalog: Catalog) -> Iterator[Finding]:
    found = list(catalog.everything())
    broken = [item for item in found if isinstance(item, Broken)]
    yield Finding("ok", "plugins", f"{len(found) - len(broken)} can be used")
    for item in broken:
        yield Finding("warning", "plugins", item.problem.message, item.problem.hint)
    for name, origin in sorted(catalog.off.items()):
        yield Finding("note", "plugins", f"{name} ({origin}) is switched off {BY}")
    for name in catalog.names():
        for note in catalog.taken(name):
            yield Finding("note", "plugins", note.rstrip("."))
    for name in catalog.unknown_off:
        text = f"{VARIABLE} names {name!r}, and nothing of that name is installed"
        yield Finding("warning", "plugins", text, "Correct it, or take it out.")


def _encoder() -> Finding:
    try:
        import av

        # PyAV may be built without it: that it can be imported does not say that it can write.
        av.Codec("libx264", "w")
    except Exception as error:
        text = f"H.264 cannot be written: {error}. The provider `preview` needs it."
        return Finding("failure", "video", text, "Install PyAV from its wheel: pip install --force-reinstall av")
    return Finding("ok", "video", f"PyAV {av.__version__} reads and writes H.264")


def _shaping() -> Iterator[Finding]:
    from PIL import features

    if not features.check("raqm"):
        text = (
            "Pillow finds no FriBiDi: `captions` cannot burn in Hebrew, Arabic and other scripts that join letters"
        )
        yield Finding("note", "fonts", text, "If you need it, on Debian or Ubuntu: apt install libfribidi0")


def _fonts() -> Iterator[Finding]:
    from PIL import ImageFont

    from reelwork.studio.contact_sheet import font_file

    own = font_file()
    if own is None:
        yield Finding(
            "warning", "fonts", "DejaVu Sans, which comes with Reelwork, is missing", "Reinstall Reelwork."
        )
    else:
        yield Finding("ok", "fonts", "DejaVu Sans: Latin, Greek, Cyrillic, Arabic, Hebrew, Armenian")
    yield from _shaping()
    for name in OTHER_FONTS:
        try:
            ImageFont.truetype(name, 16)
        except OSError:
            continue
        yield Finding("ok", "fonts", f"{name}: Chinese, Japanese, Korean")
        return
    text = "none for Chinese, Japanese, Korean: previews show boxes in their place"
    yield Finding("note", "fonts", text, "If you need it, on Debian or Ubuntu: apt install fonts-noto-cjk")


def _store(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("ok", "store", f"{path}: none yet; the first run makes it")
        return
    from reelwork.store.open import health_of

    try:
        yield from _health(path, health_of(path))
    except ReelworkError as error:
        yield Finding("failure", "store", error.message, error.hint)


def _health(path: Path, health: Health) -> Iterator[Finding]:
    if health.damage:
        text = f"{path} is damaged: {health.damage}"
        hint = "Stop every reelwork process, keep a copy, and restore a backup, or: sqlite3 store.db .recover"
        yield Finding("failure", "store", text, hint)
        return
    told = ", ".join(f"{number} {status}" for status, number in sorted(health.jobs.items())) or "no jobs"
    yield Finding("ok", "store", f"{path}: sound, {path.stat().st_size / 1e6:.1f} MB, {told}")
    if health.unknown:
        unknown = counted(health.unknown, "paid request or post", "paid requests or posts")
        text = f"the outcome of {unknown} is unknown"
        yield Finding("warning", "store", text, "See them: reelwork jobs list --status held")
    for name, reason in health.webhooks_off.items():
        text = f"{name} is off, nothing is sent to it: {reason}"
        yield Finding("warning", "webhook", text, f"Turn it on: reelwork webhooks on {name}")
    # Nothing can have been written in the future, so one of the clocks was wrong. Which one, only a person can say.
    if health.newest is not None and health.newest > time.time() + CLOCK_TOLERANCE:
        ahead = health.newest - time.time()
        text = f"the store was written {ahead:.0f} s in the future: this machine's clock went back"
        yield Finding(
            "failure", "clock", text, "Correct the clock: waiting times and budgets of a day depend on it."
        )


def _disk(store: Path) -> Finding:
    folder = next(parent for parent in store.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free at {folder}, where downloads are kept"
    if free < NO_DISK:
        return Finding("failure", "disk", text, "Make room, or choose another store with --store.")
    return Finding("warning" if free < LITTLE_DISK else "ok", "disk", text)


def _clock() -> Finding:
    now = datetime.now(UTC)
    if now < RELEASED:
        return Finding("failure", "clock", f"it is set to {now:%Y-%m-%d %H:%M} UTC", "Set it right.")
    return Finding("ok", "clock", f"{now:%Y-%m-%d %H:%M} UTC")
