"""The liar in its long form: `make liar`. What servers lie about stands in `liar_traits.py`.

To run:  python tests/faults/liar.py [LOST] [SEED]

It plays histories until so many answers to creates were lost, prints what became of the jobs for each lie, and ends
with 1 when anything was paid twice at a server that can be survived; the shortest such history is printed then.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from liar_history import POSTS, RENDERS, History, beyond, histories
from liar_judge import Tally, judge
from liar_real import RealHistory, play_really, real_histories
from liar_world import Parts, played

from reelwork.testing.clips import write_video

LOST = 20_000
HISTORIES_AT_ONCE = 500
REAL_HISTORIES = 200


def play(
    drawn: st.SearchStrategy[History],
    tally: Tally,
    *,
    worlds: int,
    fixed: int,
    shrink: bool,
    parts: Parts | None = None,
    strict: bool = True,
) -> None:
    """Play so many histories. Raises `AssertionError` for what was paid twice, unless it is not `strict`."""

    @seed(fixed)
    @settings(
        max_examples=worlds,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    @given(drawn)
    def one(history: History) -> None:
        with played(history, parts) as world:
            verdict = judge(world)
            tally.add(world, verdict)
        if strict:
            assert not verdict.doubles, verdict.doubles
            assert not verdict.faults, verdict.faults

    one()


def main() -> None:
    logging.disable()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else LOST
    fixed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"at least {wanted} lost answers each, seed {fixed}", flush=True)
    for name, connections in (("renders", RENDERS), ("posts", POSTS)):
        _run(name, connections, wanted, fixed)
    _run_really(fixed)


def _run(name: str, connections: tuple[str, ...], wanted: int, fixed: int) -> None:
    began, cpu = time.monotonic(), time.process_time()
    tally, apart = Tally(), Tally()
    number = 0
    while tally.total["lost"] < wanted:
        drawn = histories(connections=connections)
        play(drawn, tally, worlds=HISTORIES_AT_ONCE, fixed=fixed + number, shrink=True)
        number += 1
        print(f"  {tally.total['lost']} lost answers, {time.process_time() - cpu:.0f} s of CPU", flush=True)
    drawn = histories(beyond(), connections)
    play(drawn, apart, worlds=HISTORIES_AT_ONCE, fixed=fixed, shrink=False, strict=False)
    took = f"{time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
    print(f"{name}: {tally.histories} histories in {took}; nothing was made twice")
    for figure, count in sorted(tally.total.items()):
        print(f"  {count:6}  {figure}")
    print("for each lie:")
    print(tally.table())
    print("lies that no client can survive, which were told apart:")
    print(apart.table())


def really(worlds: int, fixed: int) -> Counter[str]:
    """Play histories with real processes. Raises `AssertionError` for what was paid twice."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        film = write_video(Path(folder) / "film.mp4", seconds=4.0, width=1280, height=720, fps=24).read_bytes()

    @seed(fixed)
    @settings(max_examples=worlds, deadline=None, database=None, phases=[Phase.generate])
    @given(real_histories)
    def one(history: RealHistory) -> None:
        verdict = play_really(history, film)
        total.update(histories=1, lost=verdict.lost, creates=verdict.creates, killed=verdict.killed)
        total.update(done=verdict.done, held=verdict.held)
        assert not verdict.doubles, f"{history.who}: {verdict.doubles}\n{verdict.output}"

    one()
    return total


def _run_really(fixed: int) -> None:
    began = time.monotonic()
    total = really(REAL_HISTORIES, fixed)
    print(f"real processes: {time.monotonic() - began:.0f} s; nothing was paid twice")
    for figure, count in sorted(total.items()):
        print(f"  {count:6}  {figure}")


if __name__ == "__main__":
    main()
