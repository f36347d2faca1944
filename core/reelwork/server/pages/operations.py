"""Every page of the dashboard."""

from __future__ import annotations

from dataclasses import replace

from reelwork.server.pages import (
    acting,
    client,
    deliveries,
    home,
    jobs,
    machine,
    month,
    reviews,
    schedules,
    sign_in,
    spend,
    starting,
    static_files,
)

_PAGES = (
    *home.OPERATIONS,
    *jobs.OPERATIONS,
    *month.OPERATIONS,
    *schedules.OPERATIONS,
    *spend.OPERATIONS,
    *machine.OPERATIONS,
    *deliveries.OPERATIONS,
    *acting.OPERATIONS,
    *starting.OPERATIONS,
    *reviews.OPERATIONS,
    *client.OPERATIONS,
    *sign_in.OPERATIONS,
    *static_files.OPERATIONS,
)
OPERATIONS = tuple(replace(one, page=True) for one in _PAGES)
