"""The provider's promises through a real LiteLLM proxy, with the simulator as its backend.

The proxy repeats failed creates and has a fallback model, as many installations do: the tests count what reaches
the backend. `tests/services/litellm_proxy.sh` installs the proxy.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.ports import free_port

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

TESTS = Path(__file__).parents[1]
PROXY = TESTS.parent / ".venv-litellm" / "bin" / "litellm"
START_SECONDS = 120
CONFIG = """
model_list:
  - model_name: my-video
    litellm_params: {{model: openai/sora-2, api_base: "{backend}/v1", api_key: sk-backend}}
  - model_name: second-choice
    litellm_params: {{model: openai/sora-2-pro, api_base: "{backend}/v1", api_key: sk-backend}}
router_settings:
  disable_cooldowns: true
  fallbacks: [{{"my-video": ["second-choice"]}}]
general_settings:
  master_key: {key}
"""


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_harness = _load("videos_api_harness", TESTS / "plugins" / "providers" / "videos_api" / "conftest.py")
_contract = _load("videos_api_contract", TESTS / "plugins" / "providers" / "videos_api" / "test_contract.py")
bench, asked, bench_at = _contract.bench, _contract.asked, _harness.bench_at
request_for, ref_for = _harness.request_for, _harness.ref_for
globals().update({name: test for name, test in vars(_contract).items() if name.startswith("test_")})


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    if not PROXY.exists():
        missing = f"no LiteLLM proxy at {PROXY}: run tests/services/litellm_proxy.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.2)) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address and the key of a running proxy."""
    folder = tmp_path_factory.mktemp("litellm")
    key = f"sk-{secrets.token_urlsafe(32)}"
    (folder / "config.yaml").write_text(CONFIG.format(backend=simulator.url_of("sora"), key=key))
    port = free_port()
    command = [PROXY, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health/liveliness", folder / "log.txt")
        yield f"http://127.0.0.1:{port}", key
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the LiteLLM proxy did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def service(proxy: tuple[str, str], simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    address, key = proxy
    monkeypatch.setenv("LITELLM_KEY", key)
    settings = {"dialect": "litellm", "model": "my-video", "api_key": "env:LITELLM_KEY"}
    yield _contract.Service("litellm", address, simulator, settings)
    simulator.set_faults([])


def test_a_picture_reaches_the_backend(service: Any, bench: Any, asked: Any, ref_for: Any, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (1280, 720), "red").save(tmp_path / "start.png")
    request = asked.replace(references=({"source": "start.png"},))
    render = _contract.reference(_contract.submit(bench, request), ref_for)
    assert _contract.until_ended(bench, [render])[0].state == "completed"
    sent = service.simulator.requests(method="POST")[-1]
    assert "image/png" in str(sent)
