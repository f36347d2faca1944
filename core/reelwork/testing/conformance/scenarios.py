"""Faults as data: those of one request, and the scenes in which they are played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reelwork_hooks.effects import Idempotency

# The attempts of one read in the client (`net.client.READ_ATTEMPTS`): a fault that is to be felt strikes as often.
READS_OF_ONE_LOOK = 4


@dataclass(frozen=True)
class Canned:
    """An answer that the proxy makes up."""

    status: int
    body: str
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


UNAVAILABLE = Canned(503, '{"error": "the service is not available"}')
BROKEN = Canned(500, '{"error": "internal error"}')
WAIT = Canned(429, '{"error": "too many requests"}', headers={"Retry-After": "1"})
PAGE = Canned(200, "<!doctype html><title>Please wait</title><p>Checking your browser.", "text/html")
EMPTY = Canned(200, "{}")


@dataclass(frozen=True)
class Fault:
    """The fate of one request between the plugin and the other side."""

    arrives: Literal["once", "twice", "never", "late", "half"] = "once"
    """`late`: only after the sender has stopped waiting. `half`: the connection breaks within the body."""
    answer: Literal["relayed", "none", "cut", "twice"] | Canned = "relayed"
    held: bool = False
    """Nothing is answered until the sender has stopped waiting."""


ANSWER_LOST = Fault(answer="none")
WRITE_FAULTS: Mapping[str, Fault] = {
    "answer lost": ANSWER_LOST,
    "lost on the way": Fault(arrives="never", answer="none"),
    "500 after acceptance": Fault(answer=BROKEN),
    "503 before acceptance": Fault(arrives="never", answer=UNAVAILABLE),
    "429": Fault(arrives="never", answer=WAIT),
    "time-out before it arrives": Fault(arrives="never", answer="none", held=True),
    "time-out after it arrived": Fault(answer="none", held=True),
    "late success": Fault(arrives="late", answer="none", held=True),
    "answer cut short": Fault(answer="cut"),
    "a web page with 200 after acceptance": Fault(answer=PAGE),
    "a web page with 200 before acceptance": Fault(arrives="never", answer=PAGE),
    "answered twice": Fault(answer="twice"),
    "delivered twice": Fault(arrives="twice"),
}
"""Each strikes one write request; a run is made for each write the plugin sends."""

READ_FAULTS: Mapping[str, tuple[Fault, int]] = {
    "answer lost, then 503 to every look": (Fault(arrives="never", answer=UNAVAILABLE), READS_OF_ONE_LOOK),
    "answer lost, then no answer to a look": (Fault(arrives="never", answer="none"), READS_OF_ONE_LOOK),
    "answer lost, then a look cut short": (Fault(answer="cut"), READS_OF_ONE_LOOK),
    "answer lost, then a web page for a look": (Fault(arrives="never", answer=PAGE), 1),
    "answer lost, then an empty object for a look": (Fault(arrives="never", answer=EMPTY), 1),
}
"""The answer to the act is lost, and then the reads that follow go wrong, so many of them."""

KILLS_AT_A_REQUEST = {
    "killed before a request arrives": "before",
    "killed while a request is on its way": "late",
    "killed before the answer arrives": "after",
}

UNDISTURBED = "nothing goes wrong"
KILLED = "killed at every commit"
LOST_AND_KILLED = "answer lost, killed at every commit"
ALIKE = "two alike, both answers lost"
ALIKE_KILLED = "two alike, killed at every commit"
REFUSED = "connection refused"
OTHERS = "lost on the way, another's is there"
CROWD = "answer lost, a crowd of others after it"
CONTROLLED = "lost on the way, what came before and after it is there"

SCENES = (
    UNDISTURBED,
    *WRITE_FAULTS,
    REFUSED,
    *READ_FAULTS,
    OTHERS,
    CROWD,
    CONTROLLED,
    ALIKE,
    KILLED,
    *KILLS_AT_A_REQUEST,
    LOST_AND_KILLED,
    ALIKE_KILLED,
)
"""The names of all scenes, in the order they are tested."""


@dataclass(frozen=True)
class Kill:
    """The point at which the first process of a case is ended, with SIGKILL."""

    at: int
    """The number of the commit, or of the write request."""
    when: Literal["before", "after", "late"]
    """For a request: before it arrives; while it is under way, so that it arrives late; before its answer does."""
    what: Literal["commit", "request"] = "commit"

    def __str__(self) -> str:
        if self.what == "commit":
            return f"killed {self.when} commit {self.at}"
        words = {
            "before": "killed before request {} arrived",
            "late": "killed while request {} was on its way",
            "after": "killed before the answer to request {} arrived",
        }
        return words[self.when].format(self.at)


@dataclass(frozen=True)
class Case:
    """One run of one or two jobs to their end, with what goes wrong on the way."""

    scene: str
    fault: Fault | None = None
    at_write: int = 0
    """The number, from 1, of the write request that the fault strikes; 0: those that are the act itself, one for
    each job."""
    look: Fault | None = None
    looks: int = 0
    """The number of reads, from the first struck write on, that `look` strikes."""
    kill: Kill | None = None
    jobs: int = 1
    others: bool = False
    """Somebody else has done something of the same kind before."""
    crowd: bool = False
    """Many others do something of the same kind after the first struck write."""
    refused: bool = False
    """Nobody listens at first."""
    controls: bool = False
    """Something of ours is known to have arrived before it, and something after it: only beside such controls does
    a look that does not find it prove that it never arrived."""

    def __str__(self) -> str:
        where = f", write request {self.at_write}" if self.at_write else ""
        how = f", {self.kill}" if self.kill is not None else ""
        return f"{self.scene!r}{where}{how}"


def cases_of(scene: str, writes: int, acts: tuple[int, ...], commits: int, alike: int, every: int) -> list[Case]:
    """Return the runs a scene consists of.

    `writes` is how many write requests an undisturbed run sends, `acts` the numbers of those that are the act
    itself, `commits` and `alike` how many commits a run of one job and of two has; every `every`-th counts.
    """
    if scene in WRITE_FAULTS:
        # What is sent twice by a network is the act's own affair only: an upload may be repeated.
        struck = acts if scene == "delivered twice" else range(1, writes + 1)
        return [Case(scene, WRITE_FAULTS[scene], number) for number in struck]
    if scene in READ_FAULTS:
        look, looks = READ_FAULTS[scene]
        return [Case(scene, ANSWER_LOST, look=look, looks=looks)]
    if scene in KILLS_AT_A_REQUEST:
        when: Literal["before", "after", "late"] = KILLS_AT_A_REQUEST[scene]  # type: ignore[assignment]
        return [Case(scene, kill=Kill(number, when, "request")) for number in range(1, writes + 1)]
    match scene:
        case "killed at every commit":
            return [Case(scene, kill=kill) for kill in _kills(commits, every)]
        case "answer lost, killed at every commit":
            return [Case(scene, ANSWER_LOST, kill=kill) for kill in _kills(commits + 2, every)]
        case "two alike, both answers lost":
            return [Case(scene, ANSWER_LOST, jobs=2)]
        case "two alike, killed at every commit":
            return [Case(scene, kill=kill, jobs=2) for kill in _kills(alike, every * 2)]
        case "lost on the way, another's is there":
            return [Case(scene, WRITE_FAULTS["lost on the way"], others=True)]
        case "lost on the way, what came before and after it is there":
            return [Case(scene, WRITE_FAULTS["lost on the way"], controls=True)]
        case "answer lost, a crowd of others after it":
            return [Case(scene, ANSWER_LOST, crowd=True)]
        case "connection refused":
            return [Case(scene, refused=True)]
    return [Case(scene)]


def _kills(commits: int, every: int) -> list[Kill]:
    kills = [Kill(at, when) for at in range(1, commits + 1) for when in ("before", "after")]
    return kills[every // 2 :: every]


def why_not(scene: str, idempotency: Idempotency, *, over_http: bool, crowd: bool) -> str:
    """Return why a scene cannot be played with a plugin; empty if it can."""
    at_commits = (UNDISTURBED, KILLED, ALIKE_KILLED)
    if not over_http and scene not in at_commits:
        return "the plugin sends no write request over HTTP"
    # The plugin sends once; without a key, no plugin could keep the other side from acting twice.
    if scene == "delivered twice" and idempotency is not Idempotency.KEY:
        return "only a key can make up for a network that delivers a request twice"
    if scene in (ALIKE, OTHERS) and idempotency is Idempotency.NONE:
        return "nothing is looked up: an unknown outcome is held for a person"
    # Only a lookup is judged beside controls; a key is simply sent again.
    if scene == CONTROLLED and idempotency is not Idempotency.LOOKUP:
        return "nothing is looked up"
    if scene == CROWD and not crowd:
        return "the counterpart has no `crowd`"
    return ""
