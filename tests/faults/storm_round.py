"""A round of the storm: real processes on one store, killed, paused and joined by others as a plan says."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lab import LATER, PROVIDERS, Workers
from storm_judge import ENDS, Books, Judge, Verdict
from storm_plan import COST, Act, Weather
from storm_sides import Destination

from reelwork_plugins.simulator import RunningSimulator

LEAST, MOST = 2, 4
"""Processes at any time of the storm."""
TICK = 0.02
PATIENCE = 30.0
"""Seconds for an answer, and a lease, where nothing is to go wrong, however busy the machine is."""
LONGEST_CALM = 150.0
"""Seconds in which everything must come to its end once all is well again."""
LAST_RUNS = 4
SLOW = 1.5
"""How long what shows that a list is complete is in the making, so that the list is seen to show that as well."""
WATCH = """
BEGIN IMMEDIATE;
CREATE TABLE storm_hands(job_id TEXT, before TEXT, after TEXT, fences INTEGER);
CREATE TRIGGER storm_watch AFTER UPDATE OF owner ON jobs
WHEN new.owner IS NOT NULL AND old.owner IS NOT new.owner BEGIN
  INSERT INTO storm_hands VALUES (old.id, old.owner, new.owner, new.fence - old.fence);
END;
COMMIT;
"""


class Round:
    """One store, its processes, and both other sides."""

    def __init__(
        self,
        folder: Path,
        weather: Weather,
        workers: Workers,
        simulator: RunningSimulator,
        there: Destination,
        broken: str = "",
    ) -> None:
        self.folder, self.weather, self.broken = folder, weather, broken
        self.workers, self.simulator, self.there = workers, simulator, there
        self._destination = there.begin(folder)
        self.store = folder / "store.db"
        self.happened: Counter[str] = Counter()
        self._alive: list[int] = []
        self._wakes: dict[int, float] = {}
        self._wrong: list[str] = []
        self._watched = False
        self._share = 0.0
        self._extra: tuple[str, ...] = ()

    def play(self, acts: Sequence[Act], *, heals: bool = True) -> Verdict:
        """Let the storm pass, then everything come to its end, and judge. No process is left.

        What is still to go wrong at the other sides when it is over does not, if it `heals`.
        """
        wall_clock = time.time()
        for number, prompt in enumerate(self.weather.known):
            # One after another: what one reading shows of both tells once that the list is fresh, not twice.
            self._make_known(f"known-{number}", prompt, SLOW)
        for act in acts:
            if act.at == 0:
                self._do(act)
        began = time.monotonic()
        try:
            for _ in range(LEAST):
                self._start("run")
            for act in acts:
                if act.at > 0:
                    self._share = act.at / acts[-1].at
                    self._pass_time(began + act.at)
                    self._do(act)
            if heals:
                self._heal()
            self._wake_all()
            self._start_last_run()
            self._come_to_an_end(time.monotonic() + LONGEST_CALM)
            if self.weather.warm and self._could_be_settled():
                self._end_all()
                self._settle(time.monotonic() + LONGEST_CALM)
        finally:
            self._end_all()
        judge = Judge(self.weather, self.simulator, self.there, wall_clock, self._extra)
        verdict = judge.judge(self.store)
        self._read_hands()
        verdict.wrong += self._wrong
        return verdict

    def _make_known(self, batch: str, prompt: str, seconds: float) -> None:
        """Make a video alone, with nothing going wrong: a list is believed that shows it."""
        self._extra += (prompt,)
        self.simulator.set_faults([f"render:slow={seconds}"])
        (self.folder / f"{batch}.csv").write_text(f'prompt,title\n"{prompt}","{batch}: {prompt[:20]}"\n')
        case: dict[str, Any] = self._case("run", f"{batch}.csv") | {"lease": PATIENCE, "patience": PATIENCE}
        case["workflow"]["provider"]["submit_timeout"] = PATIENCE
        code = self.workers.wait(self.workers.start(case))
        if code != 0:
            self._wrong.append(f"{batch}, made alone while all is well, ended with {code}")
        self.simulator.set_faults([])

    # --- the storm -------------------------------------------------------------------------------------

    def _pass_time(self, until: float) -> None:
        """Wait, waking whoever is due and starting others where too few are left."""
        while True:
            self._look_after_processes()
            while len(self._alive) < LEAST:
                self._start("run")
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, TICK))

    def _do(self, act: Act) -> None:
        match act.kind:
            case "kill":
                self._kill(self._pick(self._alive, act.dice))
            case "pause":
                running = [pid for pid in self._alive if pid not in self._wakes]
                if running:
                    self._pause(self._pick(running, act.dice), act.seconds)
            case "start" if len(self._alive) < MOST:
                self._start(act.what[0])
            case "provider":
                self.simulator.set_faults(list(act.what))
                self.happened["faults"] += len(act.what)
            case "wall":
                self.there.fail(act.what)
                self.happened["faults"] += len(act.what)
            case "wall-deaf":
                self.there.deafen()
            case "calm":
                self.simulator.set_faults([])

    @staticmethod
    def _pick(pids: list[int], dice: float) -> int:
        return pids[min(int(dice * len(pids)), len(pids) - 1)]

    def _start(self, command: str) -> int:
        self._write_rows()
        pid = self.workers.start(self._case(command))
        self._alive.append(pid)
        self.happened["processes"] += 1
        return pid

    def _write_rows(self) -> None:
        """The batch grows while it storms, so that there is always something to be sent."""
        prompts = self.weather.prompts
        count = max(round(len(prompts) * min(self._share + 0.25, 1.0)), 1)
        lines = "".join(f"{prompt},Post {at}\n" for at, prompt in enumerate(prompts[:count]))
        fresh = self.folder / "rows.new"
        fresh.write_text("prompt,title\n" + lines)
        fresh.replace(self.folder / "rows.csv")

    def _kill(self, pid: int) -> None:
        # Nobody has waited for it yet, so this number is still its own.
        os.kill(pid, signal.SIGKILL)
        self.workers.wait(pid)
        self._alive.remove(pid)
        self._wakes.pop(pid, None)
        self.happened["kills"] += 1

    def _pause(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)
        self._wakes[pid] = time.monotonic() + seconds
        self.happened["pauses"] += 1

    def _look_after_processes(self) -> None:
        now = time.monotonic()
        for pid, at in list(self._wakes.items()):
            if now >= at:
                os.kill(pid, signal.SIGCONT)
                del self._wakes[pid]
        for pid in list(self._alive):
            code = None if pid in self._wakes else self.workers.ended(pid)
            if code is not None:
                self._alive.remove(pid)
                if code not in ENDS:
                    self._wrong.append(f"process {pid} ended with {code}: see its log")
        if not self._watched:
            self._watched = _watch(self.store)

    # --- the calm after it -----------------------------------------------------------------------------

    def _heal(self) -> None:
        self.simulator.set_faults([])
        self.there.heal()

    def _wake_all(self) -> None:
        for pid in self._wakes:
            self._wakes[pid] = 0.0

    def _come_to_an_end(self, deadline: float) -> None:
        """Wait for who is there; then run the same again until nothing is left to do."""
        for _ in range(LAST_RUNS):
            while self._alive and time.monotonic() < deadline:
                self._look_after_processes()
                if self._only_a_limit_is_left():
                    return
                time.sleep(TICK * 5)
            if self._alive:
                self._wrong.append(f"still running after {LONGEST_CALM:.0f} s: {self._alive}, see their logs")
                self._ask_where_they_are()
                return
            if self._is_settled():
                return
            self._start_last_run()

    def _start_last_run(self) -> None:
        self._share = 1.0
        self._start("run")
        self.happened["last runs"] += 1

    def _is_settled(self) -> bool:
        """Whether every row has its job, and no job would go on if the same was run again."""
        jobs = Books.of(self.store).jobs
        return len(jobs) == self._rows and all(job["status"] in ("done", "held") for job in jobs)

    @property
    def _rows(self) -> int:
        return len(self.weather.prompts) + len(self._extra)

    def _could_be_settled(self) -> bool:
        """Whether something is held that can be told once the list shows something newer."""
        books = Books.of(self.store)
        return any(self.weather.can_be_told(act) for act in books.effects if act.state == "unknown")

    def _settle(self, deadline: float) -> None:
        """Make something newer, and resume what is held."""
        self.happened["settled later"] += 1
        for prompt in LATER:
            self._make_known("later", prompt, 2 * SLOW)
        self._start("resume")
        self._come_to_an_end(deadline)

    def _only_a_limit_is_left(self) -> bool:
        """Whether everything that is not at its end waits for the next minute."""
        if not self.weather.per_minute:
            return False
        books = Books.of(self.store)
        if len(books.jobs) < self._rows or self._could_be_settled():
            return False
        open_ = [job for job in books.jobs if job["status"] == "active"]
        return bool(open_) and all(books.waits_for_a_minute(job) for job in open_)

    def _ask_where_they_are(self) -> None:
        for pid in self._alive:
            os.kill(pid, signal.SIGUSR1)
        time.sleep(1)

    def _end_all(self) -> None:
        for pid in list(self._alive):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.workers.wait(pid)
            self._alive.remove(pid)

    def _read_hands(self) -> None:
        """Count how often a job went from hand to hand, and see that its fence went up with it."""
        with closing(sqlite3.connect(self.store)) as db:
            if not self._watched:
                return
            query = "SELECT job_id, before, after, fences FROM storm_hands"
            for job_id, before, after, fences in db.execute(query):
                self.happened["takeovers"] += before is not None
                if fences < 1:
                    self._wrong.append(f"{job_id} went from {before} to {after} with the fence it had")

    def _case(self, command: str, batch: str = "rows.csv") -> dict[str, Any]:
        weather, extra = self.weather, len(self._extra)
        provider = {
            **self._provider(),
            "price_per_second": COST / 4,
            "poll_interval": 0.1,
            "settle_seconds": 2.0,
            "submit_timeout": 0.3,
        }
        limits = {"concurrent": weather.concurrent, "requests_per_minute": weather.most_per_minute}
        workflow: dict[str, Any] = {
            "brief": {"duration": 4, "resolution": "720p"},
            "provider": provider,
            "plugins": {
                "pre_moderate": [],
                "prompt_transform": [],
                "post_download": [],
                "publish": self._destination["plugins"],
            },
            "plugin": self._destination["plugin"],
            "limits": {name: most for name, most in limits.items() if most is not None},
        }
        if weather.budget is not None:
            workflow["budget"] = {"per_day": round((weather.budget + extra) * COST + 0.1, 2)}
        facts = {"lease": weather.lease, "wall": weather.wall, "broken": self.broken}
        facts["environment"] = dict(self.there.environment(self.folder))
        return {"folder": str(self.folder), "workflow": workflow, "command": command, "batch": batch, **facts}

    def _provider(self) -> dict[str, str]:
        dialect = self.weather.dialect
        if self.weather.protocol != "videos":
            return {**PROVIDERS[dialect], "base_url": self.simulator.base_url}
        address = f"{self.simulator.url_of(dialect)}/v1"
        return {**PROVIDERS["videos"], "dialect": dialect, "base_url": address}


def _watch(store: Path) -> bool:
    """Count, in the store itself, how often a job goes from hand to hand; False as long as that cannot be done."""
    if not store.exists():
        return False
    # Not waited for: a paused process may hold the file, and whoever waits for it here cannot wake it.
    with closing(sqlite3.connect(store, timeout=0)) as db, suppress(sqlite3.OperationalError):
        db.executescript(WATCH)
        return True
    return False
