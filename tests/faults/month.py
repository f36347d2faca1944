"""A month of an unattended studio, told by its dashboard alone: `make month`.

To run:  python tests/faults/month.py FOLDER [--read]

Four weeks are simulated, each in seconds. After each the dashboard is served, with its clock standing at the end of
the week. With `--read` a person reads it, does what it says needs doing, and presses Enter; without, the scripted
reader of `month_reader.py` does. At the end the records of the other sides are judged.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent))

from month_judge import judge
from month_office import let_read
from month_reader import Reader
from month_world import WEEKS, Month, in_the_month


def main() -> None:
    """Play the month."""
    logging.disable(logging.ERROR)
    options = [one for one in sys.argv[1:] if one.startswith("--")]
    named = [one for one in sys.argv[1:] if not one.startswith("--")]
    folder = Path(named[0]).absolute() if named else Path(tempfile.mkdtemp(prefix="reelwork-month-"))
    if (folder / "store.db").exists():
        sys.exit(f"{folder} has a store already. Name an empty folder.")
    with in_the_month(folder):
        month = Month(folder)
        month.begin()
        reader = Reader(month)
        for week in range(WEEKS):
            began = monotonic()
            month.play(week)
            print(f"\nWeek {week + 1}, played in {monotonic() - began:.0f} s", flush=True)
            if "--read" in options:
                let_read(month, week)
                continue
            for line in reader.read(week):
                print(f"  {line}")
        print("", *judge(month), sep="\n")
        month.close()


if __name__ == "__main__":
    main()
