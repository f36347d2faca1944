"""The time that a schedule fires for, as hooks see it: in its zone, and the same however late it is made."""

from __future__ import annotations

from typing import Any

from reelwork.planning.job_state import JobData
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.launching import any_cost

DATED = """
[plugins]
prompt_transform = ["template"]

[plugin.template]
prompt = "{{ prompt }} on {{ date.iso }} at {{ date.hour }}"
"""


def fired_at(place: Any, which: int) -> str | None:
    at = JobData.model_validate_json(place.jobs()[which].data).fired_at
    return None if at is None else at.isoformat()


def test_a_job_knows_the_time_of_its_schedule(place: Any) -> None:
    place.add("late", cron="30 0 * * *", tz="Europe/Berlin")
    # Half past midnight in Berlin is still the day before in UTC; the server looks two hours later.
    place.looks("2026-12-01T01:30", "late")
    assert fired_at(place, 0) == "2026-12-01T00:30:00+01:00"


def test_a_slot_for_posts_is_not_the_time_of_the_firing(place: Any) -> None:
    place.add("weekly", publish="fri 18:00", lead="1 day")
    place.looks("2026-12-03T18:00", "weekly")
    assert fired_at(place, 0) == "2026-12-03T18:00:00+00:00"
    assert JobData.model_validate_json(place.jobs()[0].data).post_at is not None


def test_a_template_with_a_date_is_for_schedules_and_for_run_now(place: Any) -> None:
    place.file.write_text(place.file.read_text() + DATED, encoding="utf-8")
    place.add()
    (slot,) = place.looks("2026-11-30T09:10")
    assert slot.state == "fired"
    place.now = place.at("2026-11-30T09:40")
    slot = place.run(lambda session: Firer(session).fire_now("hourly", place.now, any_cost))
    assert slot.state == "fired"
    assert fired_at(place, 1) == "2026-11-30T09:40:00+00:00"
