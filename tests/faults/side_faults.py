"""What may go wrong at a network of the fault matrix: the scenes that every network has, and those of its own.

The faults are written as the simulator spells them; several are parted by semicolons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reelwork_plugins.simulator.faults import KINDS

NETWORK_FAULTS: Mapping[str, str] = {
    "answered": "",
    "answer lost": "publish:accept-then-drop*1",
    "5xx after acceptance": "publish:accept-then-500*1",
    "429": "publish:429:retry-after=0.05*1",
    "dropped before acceptance": "publish:drop-before*1",
    "time-out after sending": "publish:accept-then-slow=1.8*1",
    "late success": "publish:accept-late=0.5*1",
    "time-out before sending": "publish:silent=1.8*1",
    "connection refused": "",
}
"""The faults of the matrix."""
NOT_CLEAR: Mapping[str, str] = {
    "no id in the answer": "publish:no-id*1",
    "a web page for an answer": "publish:accept-then-html*1",
}
"""Answers to a post that are none."""
UNUSABLE = "the video cannot be used"
EVERYTHING = "each request loses an answer and a token"
DOUBT: Mapping[str, str] = {
    # The video says that it was not published, and the list says so, too, for a while.
    "facebook": "publish:accept-then-drop*1;container:stale@nth=2*3",
}
"""A post in doubt for which the network's list is read, where a lost answer alone is not enough."""
OWN: Mapping[str, Mapping[str, str]] = {
    # Its container no longer tells: only the account's list can.
    "instagram": {
        "answer lost, and the container is forgotten": "publish:accept-then-drop*1;container:forgotten@nth=2*4"
    },
    "threads": {
        "answer lost, and the container is forgotten": "publish:accept-then-drop*1;container:forgotten@nth=2*4"
    },
    "facebook": {"answer lost, and a status that lags": DOUBT["facebook"]},
    # The post's id says that its bytes have not come, to whoever asks before it is sent again, too.
    "tiktok": {
        "answer lost, and a status that lags": "publish:accept-then-drop*1;container:stale@nth=3*3",
        "the upload's hour is over": "publish:expired*1",
    },
    # What a receiver may say of a post in doubt that is not so.
    "webhook": {"answer lost, then no post is told of": "publish:accept-then-drop*1;posts:forgotten*3"},
    # What is sent again asks its session, which says for a while that it is gone.
    "youtube": {"answer lost, and the session is gone": "publish:accept-then-drop*1;ask:expired@nth=2*4"},
}
"""Scenes of one network."""
_BY_TEST = "asked where a session has been gone for all attempts: tests/plugins/publishers/youtube/test_youtube.py"
NOT_ASKED: Mapping[str, Mapping[str, str]] = {"youtube": {"account": _BY_TEST, "list": _BY_TEST}}
"""What else a plugin asks of its network, which no scene reaches, and where it is tested."""
REFRESHED_LATE = ("threads", "x")
"""The networks whose token is refreshed when it is not accepted; elsewhere it has ended when a scene begins."""
WITHOUT_PROCESSING: Mapping[str, str] = {
    "discord": "a message is answered when it is there, with its video; nothing is processed afterwards",
    "telegram": "a video is answered when it is sent; nothing is processed afterwards",
}
"""The networks that cannot accept a video and then fail to use it, and why."""
_TAKEN = {operation for kind in KINDS if kind.name == "accept-then-drop" for operation in kind.operations}


def lost(operation: str) -> str:
    """Return the name of the scene in which the answer to such a request is lost."""
    return "answer lost" if operation == "publish" else f"{operation}: answer lost"


def refused(operation: str) -> str:
    """Return the name of the scene in which such a request is answered that the token is not accepted."""
    return f"{operation}: token refused"


def faults_of(network: str, operations: Collection[str], *, can_be_asked: bool) -> dict[str, str]:
    """Return everything that goes wrong at a network, by the names of the scenes."""
    asked = {lost(one): _struck(network, one, _losing(one)) for one in operations}
    tokens = {refused(one): _struck(network, one, "401") for one in operations}
    used = {} if network in WITHOUT_PROCESSING else {UNUSABLE: "video:fail*1"}
    lies = _lists_that_lie(network) if "list" in operations else {}
    own = OWN.get(network, {}) if can_be_asked else {}
    # Not the list where a status tells first: it would not be read.
    sent = [one for one in operations if one != "list" or network not in DOUBT]
    everything = {EVERYTHING: ";".join(f"{one}:{kind}*1" for one in sent for kind in (_losing(one), "401"))}
    return {**NETWORK_FAULTS, **asked, **tokens, **used, **NOT_CLEAR, **lies, **own, **everything}


def _struck(network: str, operation: str, kind: str) -> str:
    """Return a fault of such a request, and before it what makes the plugin send one."""
    lead = ""
    if operation == "list" or (network, operation) == ("webhook", "ask"):
        lead = f"{_doubt(network)};"
    elif operation == "token" and network in REFRESHED_LATE:
        lead = "begin:401*1;"
    return f"{lead}{operation}:{kind}*1"


def _doubt(network: str) -> str:
    return DOUBT.get(network, "publish:accept-then-drop*1")


def _lists_that_lie(network: str) -> Mapping[str, str]:
    """Return what a network may show of a post in doubt that is not so."""
    never = {"never arrived, then an empty list": "publish:silent=0.3*1;list:empty*3"}
    # Its status tells, and the list is read only where that says that nothing was posted.
    if network in DOUBT:
        return never
    return {
        "answer lost, then an empty list": "publish:accept-then-drop*1;list:empty*3",
        "answer lost, then a list that is late": "publish:accept-then-drop*1;list:late=2*6",
        **never,
    }


def _losing(operation: str) -> str:
    return "accept-then-drop" if operation in _TAKEN else "drop"
