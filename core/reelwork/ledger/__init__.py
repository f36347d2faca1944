"""The ledger: carries out each effect at most once, and settles those of unknown outcome."""

from reelwork.ledger.ledger import Ledger
from reelwork.ledger.outcomes import Act, Answer, Happened, Later, Outcome, R, Refused, Undecided
from reelwork.ledger.timing import LOOKS_BEFORE_ASKING, MOST_FAILURES, MOST_SENDINGS, backoff
from reelwork.store.notes import DID_NOT_HAPPEN, ENDED, IN_DOUBT, LATE_ANSWER, OURS, TAKEN

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
