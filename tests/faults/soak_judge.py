"""What must hold after every step of the soak, by the world's own log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from soak_world import Accepted, Side, World

from reelwork.store.ceilings import Budget
from reelwork.store.records import CANCELLED, DONE, FAILED, HELD, PAID_AGAIN, REJECTED, EffectRow, JobRow
from reelwork.store.sqlite.effects import EFFECT_COLUMNS
from reelwork.store.statuses import Status
from reelwork_hooks import Idempotency

MAY_HAVE_HAPPENED = ("sent", "unknown", "confirmed")
LEGAL = {
    ("intended", "sent"),
    ("intended", "rejected"),
    *((before, after) for before in ("sent", "unknown") for after in ("confirmed", "rejected", "intended")),
    ("sent", "unknown"),
    ("unknown", "unknown"),
}
LEGAL_MONEY = {("reserved", "released"), ("released", "reserved"), ("reserved", "charged")}
LOG = """
CREATE TABLE soak_log(old_state, new_state, old_money, new_money, attempt, old_attempt);
CREATE TRIGGER soak_watch AFTER UPDATE ON effects BEGIN
  INSERT INTO soak_log VALUES (old.state, new.state, old.money, new.money, new.attempt, old.attempt);
END;
"""


class Judge:
    """Compares the ledger with the world."""

    def __init__(self, world: World, desk: Any) -> None:
        self.world, self.desk = world, desk
        self.texts: dict[str, str] = {}
        self.run_of: dict[str, str] = {}
        self.budgets: dict[str, Budget] = {}
        self.condemned = False
        self._done: set[str] = set()
        self._db = desk._db._connection
        self._db.executescript(LOG)

    def added(self, rows: Sequence[JobRow], text: str, budget: Budget) -> None:
        for row in rows:
            self.texts[row.id] = text
            self.run_of[row.id] = row.run_id
            self.budgets[row.run_id] = budget

    def effects(self) -> list[EffectRow]:
        return [EffectRow(*row) for row in self._db.execute(f"SELECT {EFFECT_COLUMNS} FROM effects")]

    def check(self) -> None:
        """Raises `AssertionError` when the promise is broken."""
        self.condemned = True
        effects = self.effects()
        by_side = defaultdict(list)
        for effect in effects:
            by_side[effect.subject].append(effect)
        for side in self.world.sides:
            self._check_side(side, by_side[side.name])
        self._check_budgets(effects)
        self._check_jobs()
        self._check_log()
        self.condemned = False

    def _check_side(self, side: Side, effects: list[EffectRow]) -> None:
        known = {effect.key: effect for effect in effects}
        assert set(side.per_key()) <= set(known), f"{side.name} was asked for what the ledger never sent"
        claimed = Counter(effect.remote_id for effect in effects if effect.remote_id)
        twice = [id_ for id_, times in claimed.items() if times > 1]
        assert not twice, f"{side.name}: {twice} belong to two acts"
        assert side.received <= sum(effect.attempt for effect in effects), f"{side.name} was called uncounted"
        alike = Counter(self.texts[effect.job_id] for effect in effects)
        for key, times in side.per_key().items():
            # Of acts that cannot be told apart, one may take what another made, and so be sent for it.
            if side.idempotency is not Idempotency.LOOKUP or alike[self.texts[known[key].job_id]] == 1:
                assert times == 1, f"{side.name} did {key} {times} times"
        for text in alike:
            mine = [effect for effect in effects if self.texts[effect.job_id] == text]
            self._check_group(side, [one for one in side.accepted if one.group == text], mine)

    def _check_group(self, side: Side, accepted: list[Accepted], effects: list[EffectRow]) -> None:
        # With a key it is sent again while it may have happened: that is what the key is for.
        possible = [e for e in effects if e.state in MAY_HAVE_HAPPENED or side.idempotency is Idempotency.KEY]
        assert len(accepted) <= len(possible), f"{side.name} did {len(accepted)}, {len(possible)} may have happened"
        charged = sum(one.charged for one in accepted)
        counted = sum(_counted(effect) for effect in effects)
        assert charged <= counted, f"{side.name} charged {charged}, the ledger counts {counted}"

    def _check_budgets(self, effects: Iterable[EffectRow]) -> None:
        counted: Counter[str] = Counter()
        for effect in effects:
            counted[self.run_of[effect.job_id]] += _counted(effect)
            ceiling = self.budgets[self.run_of[effect.job_id]].per_job
        for run_id, amount in counted.items():
            ceiling = self.budgets[run_id].per_run
            assert ceiling is None or amount <= ceiling, f"run {run_id} counts {amount} of {ceiling}"

    def _check_jobs(self) -> None:
        rows = self.desk.jobs()
        assert {row.id for row in rows} == set(self.texts), "a job was lost"
        done = {row.id for row in rows if row.status == DONE}
        assert self._done <= done, "a job that was done is not done any more"
        self._done = done
        for row in rows:
            assert row.status in ("active", DONE) or row.reason, f"{row.id} is {row.status} and nobody knows why"

    def _check_log(self) -> None:
        for old, new, old_money, new_money, attempt, old_attempt in self._db.execute("SELECT * FROM soak_log"):
            assert old == new or (old, new) in LEGAL, f"an effect went from {old} to {new}"
            assert old_money == new_money or (old_money, new_money) in LEGAL_MONEY, (
                f"{old_money} became {new_money}"
            )
            assert attempt - old_attempt == ((old, new) == ("intended", "sent")), "an attempt was not counted"
        self._db.execute("DELETE FROM soak_log")

    def not_held_by(self, owner: str) -> dict[str, tuple[Any, ...]]:
        """How the jobs stand that are not in this owner's hands."""
        query = "SELECT id, fence, status, step, data FROM jobs WHERE owner IS NOT ?"
        return {row[0]: tuple(row) for row in self._db.execute(query, (owner,))}

    def check_untouched(self, lost: dict[str, tuple[Any, ...]]) -> None:
        """Raises when jobs were changed by somebody who did not take them first."""
        for row in self._db.execute("SELECT id, fence, status, step, data FROM jobs"):
            before = lost.get(row[0])
            assert before is None or before[1] != row[1] or before == tuple(row), f"{row[0]} was changed too late"

    # --- what a person can know, and the end -----------------------------------------------------------

    def knowable(self) -> list[tuple[JobRow, EffectRow, str | None]]:
        """Acts of unknown outcome of which a person can see what became of them: job, act, id there."""
        effects = self.effects()
        taken = {effect.remote_id for effect in effects if effect.remote_id}
        found = []
        for effect in effects:
            row = self.desk.job(effect.job_id)
            if effect.state != "unknown" or row.status == CANCELLED:
                continue
            side = self.world.side(effect.kind, effect.subject)
            if any(late.group == self.texts[row.id] for late in side.late):
                continue
            free = [one for one in side.accepted if one.id not in taken and one.group == self.texts[row.id]]
            found.append((row, effect, _made(effect, free, {e.key for e in effects if e.remote_id})))
        return found

    def check_ends(self) -> None:
        """At the very end, with everything healed, every job has an end that can be explained."""
        closed = {row.id for row in self.desk.jobs(statuses=(CANCELLED, REJECTED))}
        for row in self.desk.jobs():
            assert _explained(row), f"{row.id} ends {row.status} at {row.step}: {row.reason}"
        for effect in self.effects():
            # Of a job that was ended for good, what no look can show waits for a person.
            open_ = effect.state in ("sent", "unknown")
            assert not open_ or (effect.job_id in closed and not self._can_be_found(effect)), (
                f"{effect.key} is still {effect.state}: {effect.reason}"
            )

    def _can_be_found(self, effect: EffectRow) -> bool:
        """Whether a look shows what an act made, and nothing else has it."""
        side = self.world.side(effect.kind, effect.subject)
        taken = {other.remote_id for other in self.effects() if other.remote_id}
        made = [one for one in side.accepted if one.key == effect.key and one.id not in taken]
        return side.idempotency is Idempotency.LOOKUP and bool(made)


def _made(effect: EffectRow, free: Sequence[Accepted], settled: set[str]) -> str | None:
    """What an act made and no other has; else what is left over by one alike, which took what this one made."""
    mine = [one.id for one in free if one.key == effect.key]
    left_over = [one.id for one in free if one.key in settled]
    return next(iter([*mine, *left_over]), None)


def _explained(row: JobRow) -> bool:
    by_step = {FAILED: (PAID_AGAIN,), REJECTED: (PAID_AGAIN, "publish-again"), HELD: ("render-again",)}
    budget = row.status == HELD and "over the budget" in row.reason
    return row.status in (DONE, CANCELLED) or row.step in by_step.get(Status(row.status), ()) or budget


def _counted(effect: EffectRow) -> int:
    amount = effect.charged if effect.charged is not None else effect.reserved
    return (amount or 0) if effect.money in ("reserved", "charged") else 0
