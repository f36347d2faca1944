"""What must hold at the end of every history, by what the servers counted; and what became of the jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from liar_history import History
from liar_traits import Lie
from liar_values import Render
from liar_world import World

from reelwork.store.records import DONE, HELD


@dataclass(frozen=True)
class Verdict:
    """One history, judged."""

    jobs: int
    done: int
    held: int
    lost: int
    lost_arrived: int
    creates: int
    doubted: int
    """Jobs an answer about which was lost."""
    doubted_held: int
    """Those of them that wait for a person."""
    lost_again: int
    """Those of the latter that were sent again, once, and of which that answer was lost too."""
    doubles: tuple[str, ...]
    """What was paid twice."""
    faults: tuple[str, ...] = ()
    """What else was wrong."""

    @property
    def figures(self) -> Counter[str]:
        """What is added up over histories."""
        return Counter(
            {
                "jobs": self.jobs,
                "done": self.done,
                "held": self.held,
                "lost": self.lost,
                "lost that arrived": self.lost_arrived,
                "creates": self.creates,
                "doubted": self.doubted,
                "doubted and held": self.doubted_held,
                "lost again": self.lost_again,
                "doubles": len(self.doubles),
                "faults": len(self.faults),
            }
        )


def judge(world: World) -> Verdict:
    """Compare the jobs with what was accepted, and would be charged."""
    rows = {row.id: row for row in world.desk.jobs()}
    made = [render for server in world.servers for render in server.renders if render.tag]
    doubted = {job_of(tag) for tag in world.net.doubted}
    held = {row.id for row in rows.values() if row.status == HELD}
    return Verdict(
        jobs=len(rows),
        done=sum(row.status == DONE for row in rows.values()),
        held=len(held),
        lost=world.net.lost,
        lost_arrived=world.net.lost_arrived,
        creates=world.net.creates,
        doubted=len(doubted),
        doubted_held=len(doubted & held),
        lost_again=sum(_was_lost_again(world, id_) for id_ in doubted & held),
        doubles=tuple(_doubles(world, made)),
        faults=tuple(_faults(world, made)),
    )


def _was_lost_again(world: World, job_id: str) -> bool:
    return any(effect.resent and effect.state == "unknown" for effect in world.desk.effects_of(job_id))


def _doubles(world: World, made: list[Render]) -> list[str]:
    """Of requests that cannot be told apart, one may take what another made; together they may not make more."""
    groups: dict[object, list[Render]] = {}
    for render in made:
        groups.setdefault(world.identity[job_of(render.tag)], []).append(render)
    found = []
    for identity, renders in groups.items():
        wanted = sum(one == identity for one in world.identity.values())
        if len(renders) > wanted:
            times = Counter(render.tag for render in renders)
            found.append(f"{len(renders)} renders for {wanted} jobs of {identity}: {dict(times)}")
    return found


def _faults(world: World, made: list[Render]) -> list[str]:
    """Jobs that end without a reason, and money that is not counted."""
    found = [
        f"{row.id} is {row.status} without a reason"
        for row in world.desk.jobs()
        if row.status not in ("active", DONE) and not row.reason
    ]
    counted = {
        key
        for key, money in world.desk._db._connection.execute("SELECT key, money FROM effects")
        if money in ("reserved", "charged")
    }
    owed = {render.tag for render in made if "-render-" in render.tag}
    # Of requests that cannot be told apart, another one's money may be the one that is counted.
    alone = {tag for tag in owed if list(world.identity.values()).count(world.identity[job_of(tag)]) == 1}
    found += [f"{tag} was accepted and its money is not counted" for tag in sorted(alone - counted)]
    return found


def job_of(tag: str) -> str:
    """The job an effect's key belongs to: `reelwork-JOB-render-1`."""
    return tag.split("-")[1]


@dataclass
class Tally:
    """All histories together."""

    histories: int = 0
    total: Counter[str] = field(default_factory=Counter)
    by_lie: dict[Lie | None, Counter[str]] = field(default_factory=dict)
    """By each lie a server told; None: none."""
    by_trait: dict[str, Counter[str]] = field(default_factory=dict)
    alone: dict[str, Counter[str]] = field(default_factory=dict)
    """By trait, of servers that lied about nothing else."""

    def add(self, history: History, verdict: Verdict) -> None:
        """Count one history."""
        figures = verdict.figures
        self.histories += 1
        self.total.update(figures)
        lies = history.who.lies
        for lie in lies or (None,):
            self.by_lie.setdefault(lie, Counter()).update(figures)
        for lie in lies:
            self.by_trait.setdefault(lie.trait, Counter()).update(figures)
        if len(lies) == 1:
            self.alone.setdefault(lies[0].trait, Counter()).update(figures)

    def include(self, other: Tally) -> None:
        """Count what was counted elsewhere."""
        self.histories += other.histories
        self.total.update(other.total)
        for mine, theirs in (
            (self.by_lie, other.by_lie),
            (self.by_trait, other.by_trait),
            (self.alone, other.alone),
        ):
            for name, figures in theirs.items():  # type: ignore[attr-defined]
                mine.setdefault(name, Counter()).update(figures)  # type: ignore[attr-defined]
