"""Local times in a zone: the instants they name, and the changes of the zone's clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reelwork.errors import WorkflowInvalid

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def zone_named(name: str) -> ZoneInfo:
    """Return a zone of the IANA database. Raises `WorkflowInvalid` when there is none of that name."""
    try:
        return ZoneInfo(name)
    # A folder of the database, a name with `..` and an empty one each raise an error of their own.
    except (KeyError, ValueError, OSError):
        raise WorkflowInvalid(
            f"There is no time zone {name!r}.", hint="Write a name such as Europe/Berlin, America/New_York or UTC."
        ) from None


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall time at an instant, without its zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    """Return by how much the zone's clocks are ahead of UTC at an instant."""
    return local(at, zone) - at.astimezone(UTC).replace(tzinfo=None)


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a wall time is shown for the first time; for one that is left out, the end of the gap."""
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if local(at, zone) == wall:
        return at
    # In a gap Python reads `fold=0` with the offset before the change and `fold=1` with the one after it, so the
    # change itself lies between the two.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return next_change(before, at, zone) or at


def next_change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first instant after `after`, and at most `until`, at which the clocks are changed."""
    low, was = after, offset(after, zone)
    while low < until:
        # Day by day: two changes within a longer step may cancel each other.
        high = min(low + DAY, until)
        if offset(high, zone) != was:
            return _bisected(low, high, zone)
        low = high
    return None


def _bisected(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    was = offset(low, zone)
    while high - low > SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        # Whole seconds, so that it comes to an end.
        middle = middle if middle > low else low + SECOND
        if offset(middle, zone) == was:
            low = middle
        else:
            high = middle
    return high
