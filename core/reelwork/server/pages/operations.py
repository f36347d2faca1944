"""Every page of the dashboard."""

from __future__ import annotations

from reelwork.server.pages import acting, home, jobs, reviews, schedules, sign_in, spend, static_files

OPERATIONS = (
    *home.OPERATIONS,
    *jobs.OPERATIONS,
    *schedules.OPERATIONS,
    *spend.OPERATIONS,
    *acting.OPERATIONS,
    *reviews.OPERATIONS,
    *sign_in.OPERATIONS,
    *static_files.OPERATIONS,
)
