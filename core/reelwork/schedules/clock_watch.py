"""Notices when the machine's clock is set, and keeps schedules from firing by a time that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

from reelwork.clock import CLOCK_STEP, LARGEST_DRIFT, UNTRUSTED, WITNESS, Witness


@dataclass
class ClockWatch:
    """Compares wall clock and boot clock, look by look. Both are handed in."""

    ahead: float | None = None
    """Seconds by which the wall clock was ahead of the boot clock, when it was last believed."""
    doubted: float | None = None
    """When the doubt began, by the boot clock."""
    doubted_ahead: float = 0.0
    """Seconds by which the wall clock was ahead of the boot clock then."""
    set_at: float = float("-inf")
    """When the clock was last set as far as is known, by the boot clock."""
    witness: Witness = WITNESS
    """What servers said of the clock."""

    def trusts(self, wall: float, steady: float) -> bool:
        """Return whether schedules may go by this wall time."""
        ahead = wall - steady
        if self.ahead is None or ahead - self.ahead <= LARGEST_DRIFT:
            # Set back: what has a row is not fired again, and the rest fires at its time. So it is believed at
            # once. Slow drift is followed, so that it never adds up to a step.
            if self.ahead is not None and abs(ahead - self.ahead) >= CLOCK_STEP:
                self.set_at = steady
            self.ahead, self.doubted = ahead, None
            return True
        if self.doubted is None or abs(ahead - self.doubted_ahead) > LARGEST_DRIFT:
            self.doubted, self.doubted_ahead = steady, ahead
        # A clock that was set wrong is often set right soon. What would be fired by it stays fired.
        if steady - self.doubted < UNTRUSTED and not self.witness.agreed_since(self.doubted):
            return False
        self.set_at = self.doubted
        self.ahead, self.doubted = ahead, None
        return True

    @property
    def is_vouched_for(self) -> bool:
        """True if a server's clock has agreed with this one since it was last set."""
        return self.witness.agreed_since(self.set_at)
