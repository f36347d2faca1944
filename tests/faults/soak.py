"""The random soak in its long form: `make soak`. What each step may be stands in `soak_machine.py`.

To run:  python tests/faults/soak.py [STEPS] [SEED]

It prints how many steps it took and how often each thing happened, and ends with 1 when the promise was broken; the
shortest way to break it is printed then.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from soak_machine import Soak

STEPS = 10_000
STEPS_AT_ONCE = 50
"""Steps in one world; then another begins."""


def soak(machine: type[Soak], *, worlds: int, steps: int, shrink: bool, fixed: int | None = None) -> None:
    """Run a machine in so many worlds, with so many steps in each. Raises what the judge says."""
    options = settings(
        max_examples=worlds,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=fixed is None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    if fixed is not None:
        machine = seed(fixed)(machine)
    run_state_machine_as_test(machine, settings=options)


class Counted(Soak):
    """The soak, with what happened counted over all worlds."""

    happened: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        super().teardown()
        self.happened["worlds"] += 1
        self.happened["jobs"] += len(self.judge.texts)
        self.happened["acts carried out"] += sum(len(each.accepted) for each in self.world.sides)
        self.happened["requests that reached a provider or a destination"] += sum(
            each.received for each in self.world.sides
        )
        self.happened.update(self.struck)


def main() -> None:
    logging.disable()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    fixed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    began, cpu = time.monotonic(), time.process_time()
    print(f"at least {wanted} steps, seed {fixed}", flush=True)
    number = 0
    while Counted.steps < wanted:
        left = (wanted - Counted.steps) // STEPS_AT_ONCE + 1
        soak(Counted, worlds=left, steps=STEPS_AT_ONCE, shrink=True, fixed=fixed + number)
        number += 1
    took = f"{time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
    print(f"{Counted.steps} steps in {took}; nothing was paid or posted twice, no job was lost")
    for name, count in sorted(Counted.happened.items()):
        print(f"  {count:6}  {name}")


if __name__ == "__main__":
    main()
