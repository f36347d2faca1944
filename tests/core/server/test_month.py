"""The calendar of the dashboard."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.core.server.test_pages import Dashboard

from reelwork.schedules import keeping
from reelwork.schedules.spec import Spec
from reelwork.store.commands import NewJob
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.studio import Studio


def test_the_calendar_has_what_fires_and_what_is_posted_by_day(tmp_path: Path) -> None:
    with Studio(store=tmp_path / "store.db", out=tmp_path / "out") as studio:
        asyncio.run(studio.run("fog at the pier", duration=0.5, resolution="480p"))
    dashboard = Dashboard(SqliteStore(tmp_path / "store.db"))
    flow = tmp_path / "flow.toml"
    flow.write_text('[brief]\nprompt = "fog"\n', encoding="utf-8")
    for name, cron in (("weekly", "0 9 * * 1"), ("minutely", "* * * * *")):
        asyncio.run(keeping.add(dashboard.store, name, Spec(file=str(flow), cron=cron, tz="Etc/UTC"), time.time()))
    month = (datetime.now().astimezone().replace(day=1) + timedelta(days=62)).replace(day=1)
    at = month.replace(day=14, hour=18, minute=30)
    brief = {"prompt": "fog at the pier", "destinations": {"mastodon": {"publish_at": at.isoformat()}}}
    data = json.dumps({"brief": brief, "provider": "preview"})
    new = [NewJob(f"job-{number}", f"key-{number}", "submit", data) for number in range(2000)]
    slot = json.dumps(
        {"brief": {"prompt": "made ahead"}, "provider": "preview", "post_at": f"{at:%Y-%m}-20T09:00Z"}
    )
    asyncio.run(
        dashboard.store.add_jobs(
            dashboard.store.jobs()[0].run_id, [*new[1:], NewJob("job-slot", "key-slot", "submit", slot)]
        )
    )
    text = dashboard.page(f"/calendar?month={month:%Y-%m}")
    parts = text.split('<li class="day')[1:]
    days = {re.findall(r'<time datetime="(\S+)">', part)[0]: part for part in parts}
    following = (month + timedelta(days=31)).replace(day=1)
    assert list(days) == [f"{month:%Y-%m}-{at + 1:02}" for at in range((following - month).days)]
    mondays = {day for day in days if date.fromisoformat(day).isoweekday() == 1}
    assert {day for day, told in days.items() if "weekly" in told} == mondays
    assert "× 1440" in days[f"{month:%Y-%m}-01"]
    assert "only the first of its times" in text
    assert [day for day, told in days.items() if "mastodon: fog at the pier" in told] == [f"{at:%Y-%m-%d}"]
    assert f'rel="prev" href="/calendar?month={month - timedelta(days=1):%Y-%m}"' in text
    assert days[f"{at:%Y-%m-%d}"].count(">18:30<") == 1999
    assert [day for day, told in days.items() if "post: made ahead" in told] == [f"{at:%Y-%m}-20"]
    dashboard.store.close()


def test_the_first_page_has_the_lowest_ceiling_of_each_period(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    for name, budget in (("a", "per_day = 10\nper_month = 90"), ("b", "per_day = 7.5"), ("c", "")):
        flow = tmp_path / f"{name}.toml"
        flow.write_text(f"[brief]\nduration = 0.5\nresolution = '480p'\n[budget]\n{budget}\n", encoding="utf-8")
        with Studio(flow, store=store, out=tmp_path / "out") as studio:
            asyncio.run(studio.run(f"fog at the pier {name}"))
    dashboard = Dashboard(SqliteStore(store))
    told = dashboard.page("/").partition('id="money"')[2]
    assert ("of $7.50" in told, "of $90.00" in told, told.count(">of $")) == (True, True, 2)
    dashboard.store.close()
