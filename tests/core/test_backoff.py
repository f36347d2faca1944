from __future__ import annotations

from reelwork.backoff import backoff
from reelwork.ledger.timing import backoff as after_failures


def test_each_failure_doubles_the_wait_up_to_the_most() -> None:
    assert [backoff(5, failures, 300) for failures in (0, 1, 3, 5, 6, 10**6)] == [5, 10, 40, 160, 300, 300]
    # What is asked often is asked again soon, however long it has failed.
    assert backoff(0.02, 10**6, 300) == 0.02 * 256
    assert [after_failures(failures) for failures in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
