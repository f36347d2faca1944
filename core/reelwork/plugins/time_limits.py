"""Time limits of calls of plugins."""

from __future__ import annotations

HOOK_TIME_LIMITS = {
    "check_brief": 30.0,
    "pre_moderate": 60.0,
    "prompt_transform": 60.0,
    "post_download": 900.0,
    # Uploads a whole film, and may wait until the other side has encoded it.
    "prepare_publish": 1800.0,
    "publish": 600.0,
    "find_post": 120.0,
    "follow_post": 120.0,
    "job_event": 30.0,
}
"""Seconds a call may take, unless the instance's table in the workflow sets `time_limit`."""

PROVIDER_TIME_LIMITS = {
    "prepare": 1800.0,
    # Longer than a provider's own limit for its request, so that its clearer error comes first.
    "submit": 660.0,
    "find": 300.0,
    "poll": 120.0,
    "fetch": 300.0,
    "cancel": 60.0,
    "close": 10.0,
}
"""Seconds a call may take."""
