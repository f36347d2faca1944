"""The ledger: carries out each effect at most once, and settles those of unknown outcome."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reelwork.ledger.timing import LOOKS_BEFORE_ASKING, MOST_FAILURES, MOST_SENDINGS, backoff
from reelwork.store.notes import DID_NOT_HAPPEN, ENDED, IN_DOUBT, LATE_ANSWER, OURS, TAKEN

if TYPE_CHECKING:
    from reelwork.ledger.ledger import Ledger
    from reelwork.ledger.outcomes import Act, Answer, Happened, Later, Outcome, R, Refused, Undecided

__all__ = [
    "DID_NOT_HAPPEN",
    "ENDED",
    "IN_DOUBT",
    "LATE_ANSWER",
    "LOOKS_BEFORE_ASKING",
    "MOST_FAILURES",
    "MOST_SENDINGS",
    "OURS",
    "TAKEN",
    "Act",
    "Answer",
    "Happened",
    "Later",
    "Ledger",
    "Outcome",
    "R",
    "Refused",
    "Undecided",
    "backoff",
]


def __getattr__(name: str) -> Any:
    # Loaded when first used: what only reads a stored report needs neither the contract nor its models.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "ledger" if name == "Ledger" else "outcomes"
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
