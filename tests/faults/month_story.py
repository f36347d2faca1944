"""The month: seven schedules of two brands, and what goes wrong when. All times are UTC unless a zone is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from month_sides import CHANNEL, PRICE_PER_SECOND, PROVIDER, SHOP

DAY = 86_400.0
WEEK = 7 * DAY
ROWS = (
    "A heron on a frozen lake", "A market at dusk", "Rain on a tin roof", "A tram in the snow",
    "Bread in an old oven", "A kite above the dunes", "The last ferry", "A chess game in the park",
)  # fmt: skip


def at(text: str) -> float:
    """Return a time of the month: day, hour and minute, in UTC."""
    return datetime.fromisoformat(f"2027-03-{text}").replace(tzinfo=UTC).timestamp()


START = at("01T00:00")
"""A Monday. Clocks are set forward on the 14th in New York, and on the 28th in Berlin."""
BEGUN = START + 1800.0
"""When the schedules are added: no time of theirs falls on the end of a week."""
TOKEN_ENDS = at("18T13:00")
"""After a video was made for a post of that day, and before its slot."""
BUDGET = 6.0
"""US dollars that the brand bolt may spend in the month, as it begins."""

SETTINGS = f"""
[brands.acme]
per_month = 40
accounts = ["{SHOP}"]
tz = "Europe/Berlin"

[brands.bolt]
per_month = {BUDGET:g}
accounts = ["{CHANNEL}"]
tz = "America/New_York"
"""
FLOW = """
brand = "{brand}"
{plugins}
[brief]
prompt = "{prompt}"
duration = {seconds}
resolution = "480p"

[provider]
use = "studio-video"
base_url = "http://127.0.0.1:{port}"
model = "m1"
price_per_second = {price}
settle_seconds = 30
poll_interval = 15

[budget]
per_job = 1

[posts]
unasked = true
{more}
"""
HOOKS = '[plugins]\npost_download = ["local"]\npublish = [{}]\n'
NOWHERE = HOOKS.format("")
AT_SHOP = HOOKS.format('"mastodon"') + f'[plugin.mastodon]\naccount = "{SHOP}"\n'
AT_CHANNEL = HOOKS.format('"youtube"') + f'[plugin.youtube]\naccount = "{CHANNEL}"\n'


@dataclass(frozen=True)
class Told:
    """A schedule of the month, with the workflow that it fires."""

    name: str
    brand: str
    prompt: str
    plugins: str
    rule: Mapping[str, Any]
    seconds: int = 4
    more: str = ""
    batch: str = ""

    def write(self, folder: Path) -> tuple[Path, Path | None]:
        """Write its files; return the file to schedule, and the workflow of a batch file."""
        text = FLOW.format(
            brand=self.brand, prompt=self.prompt, plugins=self.plugins, seconds=self.seconds,
            port=PROVIDER, price=PRICE_PER_SECOND, more=self.more,
        )  # fmt: skip
        flow = folder / f"{self.name}.toml"
        flow.write_text(text, encoding="utf-8")
        if not self.batch:
            return flow, None
        rows = folder / self.batch
        rows.write_text("prompt\n" + "".join(f"{row}\n" for row in ROWS), encoding="utf-8")
        return rows, flow


SCHEDULES = (
    Told("acme-teasers", "acme", "", AT_SHOP, {"cron": "0 9 * * mon-fri"}, batch="ideas.csv"),
    Told(
        "acme-mondays", "acme", "A window full of bread at dawn", AT_SHOP,
        {"publish": "mon 18:00", "lead": "2d"}, more="[review]\nalways = true\n",
    ),
    Told("acme-loops", "acme", "Steam above a cup of coffee", NOWHERE, {"every": "6h", "jitter": "10m"}, seconds=1),
    Told("acme-launch", "acme", "The new shop opens its doors", AT_SHOP, {"at": "2027-03-10T12:00"}),
    Told("bolt-daily", "bolt", "A bicycle in the morning traffic", AT_CHANNEL, {"cron": "30 8 * * *"}),
    Told("bolt-slots", "bolt", "A bicycle on a bridge", AT_CHANNEL, {"publish": "tue,thu 12:00", "lead": "6h"}),
    Told(
        "bolt-nights", "bolt", "A parked bicycle under a street lamp", NOWHERE,
        {"every": "12h", "missed": "all", "grace": "2d", "overlap": "skip"}, seconds=1,
    ),
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Event:
    """Something that happens to the studio."""

    at: float
    name: str
    value: float = 0.0


EVENTS = tuple(
    sorted(
        (
            Event(at("02T07:30"), "an answer is lost"),
            Event(at("04T12:00"), "the provider is down"),
            Event(at("04T18:30"), "the provider is back"),
            Event(TOKEN_ENDS, "the token ends"),
            Event(at("18T20:00"), "the machine dies"),
            Event(at("19T22:00"), "the machine is back"),
            Event(at("23T13:00"), "the clock is set", 2 * DAY),
            Event(at("23T15:00"), "the clock is set", 0.0),
            Event(at("26T05:30"), "the disk is full"),
            Event(at("26T12:20"), "the disk has room"),
        )
    )
)
