"""The liar in its long form: `make liar`. What servers lie about stands in `liar_traits.py`.

To run:  python tests/faults/liar.py [LOST] [SEED] [PROCESSES]

It plays histories until so many answers to creates were lost, half of renders and half of posts; then at Mastodon,
YouTube, fal and Kling, until a twentieth as many were lost at each; then some with real processes. It prints what
became of the jobs for each trait and lie, and ends with 1 when anything was paid twice at a server that can be
survived; the shortest such history is printed then.
"""

from __future__ import annotations

import logging
import multiprocessing
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent))

from liar_history import PLAYED, POSTS, RENDERS
from liar_judge import Tally
from liar_play import Played, Ticket, play_ticket, really
from liar_tables import doubles_of, lies_of, share_of, traits_of

from reelwork.testing.clips import write_video

LOST = 20_000
AT_ONCE = 40
"""Histories of one ticket."""
SHARE = 20
"""Of all lost answers, one of so many is lost at each service that the liar plays."""
APART = 400
"""Histories of lies that no client can survive."""
APART_AT_ONE = 40
"""The same at each service that the liar plays."""
HONEST = 80
"""Histories of faithful servers, for each kind of connection."""
REAL_HISTORIES = 200
REAL_AT_ONCE = 5
REAL_PROCESSES = 3
"""Histories with real processes that are played side by side: they mostly wait."""
MOST_FAILURES = 3


class Run:
    """One run of the long form, with everything that was found to be paid twice."""

    def __init__(self, seed: int, processes: int) -> None:
        self.seed, self.processes = seed, processes
        self.failures: list[str] = []
        self._pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))

    def virtual(self, name: str, connections: tuple[str, ...], wanted: int, lies_apart: int = APART) -> None:
        """Play until so many answers were lost, and print what became of it."""
        began = monotonic()
        tally, cpu = self._until(Ticket("any", connections, self.seed, AT_ONCE), wanted)
        print(f"{name}: {tally.histories} histories in {monotonic() - began:.0f} s, {cpu:.0f} s of CPU")
        for figure, count in sorted(tally.total.items()):
            print(f"  {count:6}  {figure}")
        for kind, said in (
            ("calm", "nothing but lost answers"),
            ("faithful", "kills, clock steps, edited settings and restarts as well"),
        ):
            print(f"faithful servers with one control, {said}:")
            for connection in dict.fromkeys(connections):
                honest, _ = self._so_many(Ticket(kind, (connection,), self.seed, AT_ONCE), HONEST)
                print(f"  {connection:16} {share_of(honest.total)}", flush=True)
        print(f"for each trait:\n{traits_of(tally)}\nfor each lie:\n{lies_of(tally)}", flush=True)
        apart, _ = self._so_many(Ticket("beyond", connections, self.seed, AT_ONCE), lies_apart)
        print(f"lies that no client can survive, which were told apart:\n{doubles_of(apart)}", flush=True)

    def _until(self, ticket: Ticket, wanted: int) -> tuple[Tally, float]:
        tally, cpu, number = Tally(), 0.0, 0
        while tally.total["lost"] < wanted and len(self.failures) < MOST_FAILURES:
            tickets = [ticket.nth(number + step) for step in range(2 * self.processes)]
            number += len(tickets)
            cpu += self._gather(tally, tickets)
            print(f"  {tally.total['lost']} lost answers, {cpu:.0f} s of CPU", flush=True)
        return tally, cpu

    def _so_many(self, ticket: Ticket, histories: int) -> tuple[Tally, float]:
        tally = Tally()
        return tally, self._gather(tally, [ticket.nth(number) for number in range(-(-histories // AT_ONCE))])

    def _gather(self, tally: Tally, tickets: list[Ticket]) -> float:
        cpu = 0.0
        for played in self._pool.map(play_ticket, tickets):
            cpu += played.cpu
            if played.failure:
                self._failed(played)
            else:
                tally.include(played.tally)
        return cpu

    def _failed(self, played: Played) -> None:
        self.failures.append(played.failure)
        print(f"FAILED:\n{played.failure}", flush=True)

    def real(self, histories: int) -> None:
        """The same with real processes and SIGKILL."""
        began = monotonic()
        total: Counter[str] = Counter()
        with (
            tempfile.TemporaryDirectory() as folder,
            ProcessPoolExecutor(REAL_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool,
        ):
            film = write_video(Path(folder) / "film.mp4", seconds=4.0, width=1280, height=720, fps=24)
            seeds = [self.seed + number for number in range(-(-histories // REAL_AT_ONCE))]
            parts = pool.map(really, [REAL_AT_ONCE] * len(seeds), seeds, [film] * len(seeds))
            for figures, failure in parts:
                total.update(figures)
                if failure:
                    self.failures.append(failure)
                    print(f"FAILED:\n{failure}", flush=True)
                print(f"  {total['histories']} histories with real processes", flush=True)
        print(f"real processes: {monotonic() - began:.0f} s")
        for figure, count in sorted(total.items()):
            print(f"  {count:6}  {figure}")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def main() -> int:
    logging.disable()
    given = [int(word) for word in sys.argv[1:]]
    wanted, seed, processes = (*given, *(LOST, random.randrange(2**32), 1)[len(given) :])
    print(f"at least {wanted} lost answers, seed {seed}", flush=True)
    run = Run(seed, processes)
    try:
        run.virtual("renders", RENDERS, wanted // 2)
        run.virtual("posts", POSTS, wanted // 2)
        for name, connections in PLAYED.items():
            run.virtual(name, connections, wanted // SHARE, APART_AT_ONE)
        run.real(REAL_HISTORIES)
    finally:
        run.close()
    print(f"{len(run.failures)} histories failed" if run.failures else "nothing was paid or posted twice")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
