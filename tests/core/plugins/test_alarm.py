"""The alarm that ends what blocks the main thread, on the command line: in a process of its own each time."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

BEGIN = """
    import asyncio, signal, time
    import reelwork.cli.terminal.plugin_output as output
    from reelwork.errors import HookTimedOut
    from reelwork.plugins.guard import Callee, at_once, within

    output.active = True  # This process is the command line's.
    OURS, THEIRS = Callee("plugin", "rules", "reelwork 1.0"), Callee("plugin", "evil", "acme-evil 1.2")

    def hang():
        end = time.monotonic() + 30
        while time.monotonic() < end:
            pass

    def ends(callee, seconds=0.05):
        try:
            at_once(callee, "call", hang, seconds=seconds)
        except HookTimedOut:
            print("ended", callee.name, flush=True)
"""


def printed(program: str) -> list[str]:
    code = textwrap.dedent(BEGIN) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("callee", ["OURS", "THEIRS"])
def test_what_hangs_is_ended_also_after_many_calls_that_did_not(callee: str) -> None:
    said = printed(f"""
        for _ in range(1000):
            assert at_once({callee}, "call", lambda: 7) == 7
        ends({callee})
        ends({callee})
    """)
    assert said == [f"ended {'rules' if callee == 'OURS' else 'evil'}"] * 2


@pytest.mark.parametrize(
    "takes",
    [
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)",
        "signal.signal(signal.SIGALRM, lambda *_: None)",
        "signal.setitimer(signal.ITIMER_REAL, 0)",
        "signal.alarm(1000)",
    ],
)
def test_a_plugin_that_takes_the_signal_or_the_timer_leaves_the_next_call_its_limit(takes: str) -> None:
    said = printed(f"""
        at_once(OURS, "call", lambda: None)
        at_once(THEIRS, "call", lambda: {takes})
        ends(OURS)
        at_once(THEIRS, "call", lambda: {takes})
        ends(THEIRS)
    """)
    assert said == ["ended rules", "ended evil"]


def test_a_timer_that_was_set_for_a_call_that_has_ended_ends_no_other() -> None:
    assert printed("""
        def patient():
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                pass
            return "whole"

        at_once(OURS, "call", lambda: None, seconds=0.1)
        print(at_once(OURS, "call", patient, seconds=20))
        at_once(OURS, "call", lambda: None, seconds=0.1)
        print(patient())
    """) == ["whole", "whole"]


def test_a_call_within_a_call_ends_alone_and_the_outer_one_has_its_own_limit() -> None:
    said = printed("""
        def outer(inner):
            ends(inner)
            hang()

        for whose, inner in ((OURS, THEIRS), (THEIRS, OURS), (OURS, OURS)):
            try:
                at_once(whose, "call", lambda: outer(inner), seconds=0.5)
            except HookTimedOut:
                print("outer", whose.name)
    """)
    assert said == ["ended evil", "outer rules", "ended rules", "outer evil", "ended rules", "outer rules"]


def test_what_catches_its_end_is_ended_again() -> None:
    assert printed("""
        def stubborn():
            try:
                hang()
            except BaseException:
                hang()

        try:
            at_once(OURS, "call", stubborn, seconds=0.05)
        except HookTimedOut:
            print("ended")
    """) == ["ended"]


def test_a_call_of_ours_leaves_no_timer_to_a_plugin_that_sets_its_own_handler() -> None:
    assert printed("""
        rang = []
        at_once(OURS, "call", lambda: None, seconds=0.2)

        async def slow():
            await asyncio.sleep(0)
            signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
            await asyncio.sleep(0.4)

        asyncio.run(within(THEIRS, "call", slow(), 20))
        print(rang)
    """) == ["[]"]


def test_a_forked_process_has_the_limit_too() -> None:
    assert printed("""
        import os

        at_once(OURS, "call", lambda: None)
        child = os.fork()
        if not child:
            ends(OURS)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("ended there")
    """)[-1:] == ["ended there"]
