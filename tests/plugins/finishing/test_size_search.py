from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelwork_plugins.finishing.size_search import MOST_TRIES, SizeSearch, Try

ROOM, BEST, WORST = 1_000_000, 18.0, 32.0
SCALES = [Fraction(1), Fraction(2, 3), Fraction(1, 2), Fraction(1, 3)]


def searched(bytes_at_best: float, halving: float, power: float, given_bytes: int) -> tuple[SizeSearch, Try | None]:
    """Search with an encoder of a simple law. Return the search, and the best outcome that it could have had."""

    def encoded(tried: Try) -> int:
        smaller = float(tried.scale) ** (2 * power)
        return int(bytes_at_best * smaller * 2.0 ** ((BEST - tried.quality) / halving))

    search = SizeSearch(ROOM, SCALES, BEST, WORST, given_bytes)
    while (tried := search.next()) is not None:
        search.add(tried, encoded(tried))
    fitting = (Try(scale, WORST) for scale in SCALES if encoded(Try(scale, WORST)) <= ROOM)
    return search, next(fitting, None)


@given(
    large=st.floats(0.1, 300),
    halving=st.floats(2, 9),
    power=st.floats(0.4, 1.1),
    prior=st.floats(0.01, 1000),
)
def test_what_fits_is_found_in_a_few_tries(large: float, halving: float, power: float, prior: float) -> None:
    search, possible = searched(large * ROOM, halving, power, int(prior * ROOM))
    assert len(search.made) <= MOST_TRIES
    tries = [made.tried for made in search.made]
    assert len(set(tries)) == len(tries), "no try is made twice"
    assert all(BEST <= tried.quality <= WORST and tried.scale in SCALES for tried in tries)
    if possible is None:
        assert search.found is None
        assert tries[-1] == Try(SCALES[-1], WORST), "it gives up only where nothing smaller is allowed"
    else:
        assert search.found is not None
        assert search.found.bytes <= ROOM


@given(large=st.floats(1.2, 16), halving=st.floats(5, 7), power=st.floats(0.65, 0.85))
def test_an_ordinary_video_fills_its_room(large: float, halving: float, power: float) -> None:
    search, possible = searched(large * ROOM, halving, power, int(large * ROOM))
    assert len(search.made) <= 5
    assert search.found is not None
    assert possible is not None
    assert search.found.bytes > ROOM * 0.6 or search.found.tried == Try(Fraction(1), BEST)


def test_a_video_that_has_room_enough_is_encoded_once_at_the_best_quality() -> None:
    search, _ = searched(ROOM / 2, 6, 0.75, ROOM // 3)
    assert [made.tried for made in search.made] == [Try(Fraction(1), BEST)]


def test_the_best_that_fits_is_what_was_added_last_or_before() -> None:
    search = SizeSearch(ROOM, SCALES, BEST, WORST, ROOM * 2)
    first = search.next()
    assert first is not None
    assert search.add(first, ROOM * 2) is False
    second = search.next()
    assert second is not None
    assert second.quality > first.quality
    assert search.add(second, ROOM // 2) is True
    third = search.next()
    assert third is not None
    assert first.quality < third.quality < second.quality, "between what did not fit and what did"
    assert search.add(third, ROOM + 1) is False
    assert search.found is not None
    assert search.found.tried == second
