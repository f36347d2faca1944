"""The tutorial's three ways to keep a key: not in the code, in the environment, in AWS Secrets Manager."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reelwork.credentials import aws

KEY = "sk-live-0123456789abcdef"
PROMPT = "A lighthouse above a calm sea at dawn"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An endpoint that answers as AWS Secrets Manager does, and the names it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["SecretId"])
            known = asked[-1] == "openai-api-key"
            missing = {"__type": "ResourceNotFoundException"}
            answer = {"SecretString": json.dumps({"apiKey": KEY})} if known else missing
            body = json.dumps(answer).encode()
            self.send_response(200 if known else 400)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep the terminal quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    aws.forget()
    yield asked
    aws.forget()
    server.shutdown()
    thread.join()
    server.server_close()


def with_key(reference: str) -> tuple[str, ...]:
    return (PROMPT, "--duration", "4", "--set", f"provider.api_key={reference}")


def test_a_key_in_the_workflow_is_refused_and_not_repeated(start: Any, cli: Any) -> None:
    simulator = start(api_key=KEY)
    refused = cli("run", *with_key(KEY))
    assert refused.code == 2
    assert KEY not in refused.out + refused.err
    assert simulator.requests() == []


def test_a_key_from_the_environment(start: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start(api_key=KEY)
    monkeypatch.setenv("VIDEOS_API_KEY", KEY)
    assert cli("run", *with_key("env:VIDEOS_API_KEY")).code == 0


def test_a_key_from_a_file(start: Any, cli: Any, away: Path) -> None:
    start(api_key=KEY)
    away.joinpath("key.txt").write_text(f"{KEY}\n", encoding="utf-8")
    assert cli("run", *with_key("file:key.txt")).code == 0


def test_a_key_from_aws_secrets_manager(start: Any, cli: Any, vault: list[str], examples: Path) -> None:
    pytest.importorskip("boto3", reason="the extra `aws` is not installed")
    simulator = start(api_key=KEY)
    settings = ("--set", f"provider.base_url={simulator.base_url}", "--set", "provider.poll_interval=0.05")
    done = cli("-v", "run", str(examples / "vault.toml"), *settings)
    assert done.code == 0, done.err
    assert vault == ["openai-api-key"]
    assert KEY not in done.out + done.err


def test_a_secret_that_is_not_there_costs_nothing(start: Any, cli: Any, vault: list[str]) -> None:
    pytest.importorskip("boto3", reason="the extra `aws` is not installed")
    simulator = start(api_key=KEY)
    refused = cli("run", *with_key("aws-sm:another-key"))
    assert refused.code == 2
    assert "there is no secret of that name in us-east-1" in refused.err
    assert simulator.requests() == []
