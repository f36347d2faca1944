"""Traces over OTLP, of a process that is killed and of the server that goes on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.collector import collector

PROMPT = "A lighthouse in the rain at night"
OTEL = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


def test_a_server_goes_on_with_the_trace_of_a_run_that_was_killed(machine: Any) -> None:
    with collector() as traces:
        otel = {**OTEL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{traces.url}/v1/traces"}
        run = machine.start("run", PROMPT, "--yes", "--duration", "4", **otel, OTEL_SERVICE_NAME="by-hand")
        traces.wait_for("hold")
        run.kill()
        (first,) = traces.named("hold")
        assert first.facts["reelwork.status"] == "active"
        server = machine.start(**otel, OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=studio")
        traces.wait_for("job")
        server.stop()
    (job,) = {one.trace for one in traces.spans}
    assert {one.facts["reelwork.job"] for one in traces.spans} == {traces.spans[0].facts["reelwork.job"]}
    holds = traces.named("hold")
    assert holds[1].links == (first.id,)
    assert {one.facts["reelwork.worker"] for one in holds[1:]}.isdisjoint({first.facts["reelwork.worker"]})
    assert [one.service["service.name"] for one in holds] == ["by-hand", *["reelwork"] * (len(holds) - 1)]
    assert holds[-1].service["deployment.environment.name"] == "studio"
    (root,) = traces.named("job")
    assert (root.trace, root.facts["reelwork.status"]) == (job, "done")
    assert {one.parent for one in holds} == {root.id}
    # Asked for in the one process, and there in the other.
    (waited,) = traces.named("wait-for-render")
    assert waited.began < holds[1].began <= waited.ended
    assert all(b"lighthouse" not in raw for raw in traces.raw)


@pytest.mark.parametrize("trouble", [{"silence": 60.0}, {"status": 503}], ids=str)
def test_a_server_whose_collector_is_in_trouble_ends_in_time(machine: Any, trouble: dict[str, Any]) -> None:
    with collector() as traces:
        vars(traces).update(trouble)
        server = machine.start(**OTEL, OTEL_EXPORTER_OTLP_ENDPOINT=traces.url).until_ready()
        done = machine.reelwork("run", PROMPT, "--yes", "--duration", "1", "--resolution", "480p")
        assert done.returncode == 0, done.stdout + done.stderr
        code, seconds = server.stop()
    assert code == 0
    assert seconds < 10
    assert "Traceback" not in server.text
