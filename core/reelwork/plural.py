"""Numbers and times with their words, as they are said."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number and its noun; `many` where the plural is more than an `s`.

    >>> counted(1, "job"), counted(0, "job"), counted(2, "paid request or post", "paid requests or posts")
    ('1 job', '0 jobs', '2 paid requests or posts')
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def age(seconds: float) -> str:
    """Return a duration in its largest whole unit, such as `5 min`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
