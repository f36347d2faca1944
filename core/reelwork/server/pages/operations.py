"""Every page of the dashboard."""

from __future__ import annotations

from reelwork.server.pages import (
    acting,
    deliveries,
    home,
    jobs,
    machine,
    month,
    reviews,
    schedules,
    sign_in,
    spend,
    static_files,
)

OPERATIONS = (
    *home.OPERATIONS,
    *jobs.OPERATIONS,
    *month.OPERATIONS,
    *schedules.OPERATIONS,
    *spend.OPERATIONS,
    *machine.OPERATIONS,
    *deliveries.OPERATIONS,
    *acting.OPERATIONS,
    *reviews.OPERATIONS,
    *sign_in.OPERATIONS,
    *static_files.OPERATIONS,
)
