"""The storm: real processes on one store, killed, paused and joined by others at random, while the provider and the
destination go wrong at random. `make storm` runs the long form.

To run:  python tests/faults/storm.py [ROUNDS] [SEED] [--at-once N] [--only ROUND] [--provider NAME] [--to NAME]
         [--broken NAME]

A round draws its provider from the dialects of `videos-api`, `fal` and `kling`, and its destination from walls of
several kinds and the networks `mastodon` and `youtube`.

A seed gives the same rounds and the same schedule; where exactly a process is struck is up to the machine. With
`--broken` a part named in `soak_mutants.py` takes the place of the sound one. It ends with 1 when the promise was
broken; the folder of such a round, with its store and the logs of its processes, is kept and named.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from lab import Workers
from storm_judge import Verdict
from storm_plan import Act, Weather, acts, weather
from storm_round import Round
from storm_sides import destination

from reelwork_plugins.simulator import SimulatorSettings, run_simulator

ROUNDS = 60
JOBS = (20, 40)
SECONDS = 5.0
"""How long it storms in a round."""


@dataclass
class Story:
    """What came of a round, for whoever reads it."""

    number: int
    weather: Weather
    verdict: Verdict
    happened: Counter[str]
    seconds: float
    kept: str = ""
    """Where its store and its logs are, when something is wrong."""

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.happened.items()))
        end = "ok" if not self.verdict.wrong else f"BROKEN, see {self.kept}"
        return f"round {self.number}: {self.weather}; {counts}; {self.seconds:.0f} s: {end}"


def play(
    number: int,
    seed: int,
    *,
    broken: str = "",
    jobs: tuple[int, int] = JOBS,
    seconds: float = SECONDS,
    sky: Mapping[str, Any] | None = None,
    script: tuple[Weather, Sequence[Act]] | None = None,
) -> Story:
    """Play one round of a seed, or a `script`, whose faults stay until they have struck.

    `sky` replaces parts of the weather that the seed draws.
    """
    chance = random.Random(f"{seed}/{number}")
    drawn = weather(chance, jobs)
    if sky:
        drawn = replace(drawn, **sky)
        drawn = replace(drawn, concurrent=None) if drawn.provider_is_blind else drawn
    plan: Sequence[Act] = acts(chance, drawn, seconds)
    if script is not None:
        drawn, plan = script
    began = time.monotonic()
    settings = SimulatorSettings(
        protocol=drawn.protocol, canned=True, render_seconds=drawn.render_seconds, refuse_above=drawn.concurrent
    )
    folder = Path(tempfile.mkdtemp(prefix=f"reelwork-storm-{seed}-{number}-"))
    kept = False
    try:
        with (
            run_simulator(settings) as simulator,
            closing(destination(drawn.wall)) as there,
            closing(Workers("storm_worker.py")) as workers,
        ):
            round_ = Round(folder, drawn, workers, simulator, there, broken)
            verdict = round_.play(plan, heals=script is None)
            kept = bool(verdict.wrong)
            if kept:
                evidence = {"requests": simulator.requests(), "renders": simulator.jobs(), "posts": there.posts()}
                (folder / "evidence.json").write_text(json.dumps(evidence, indent=1, default=str))
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    return Story(number, drawn, verdict, round_.happened, time.monotonic() - began, str(folder) if kept else "")


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Real processes on one store, treated at random.")
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    parser.add_argument("seed", nargs="?", type=int, default=random.randrange(2**32))
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="rounds played beside each other")
    parser.add_argument("--only", type=int, help="play this round of the seed alone")
    parser.add_argument("--provider", help="in every round: sora, vllm-omni, litellm, fal or kling")
    parser.add_argument("--to", help="in every round: LOOKUP, KEY, NONE, mastodon, mastodon-keys or youtube")
    parser.add_argument("--broken", default="", help="a broken part, from soak_mutants.py")
    return parser.parse_args()


def main() -> None:
    args = asked()
    total: Counter[str] = Counter()
    wrong = 0
    began = time.monotonic()
    numbers = range(args.rounds) if args.only is None else [args.only]
    print(f"{len(numbers)} rounds, seed {args.seed}", flush=True)
    with ProcessPoolExecutor(args.at_once, mp_context=multiprocessing.get_context("spawn")) as pool:
        sky = {name: part for name, part in (("dialect", args.provider), ("wall", args.to)) if part}
        rounds = [pool.submit(play, number, args.seed, broken=args.broken, sky=sky) for number in numbers]
        for done in as_completed(rounds):
            story = done.result()
            print(story, *(f"    {line}" for line in story.verdict.wrong), sep="\n", flush=True)
            wrong += bool(story.verdict.wrong)
            total += story.happened
            total["jobs"] += len(story.weather.prompts)
            total["requests and posts accepted"] += story.verdict.accepted
            total["duplicates"] += story.verdict.duplicates
            total["lost jobs"] += story.verdict.lost
    print(f"{len(numbers)} rounds of seed {args.seed} in {time.monotonic() - began:.0f} s; {wrong} of them broken")
    for name in sorted({*total, "duplicates", "lost jobs"}):
        print(f"  {total[name]:6}  {name}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
