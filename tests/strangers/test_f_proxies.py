"""Behind a company's proxy: what a person configured goes through it, what comes from outside never does."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.proxy import Proxy
from tests.strangers.server import Answer, Asked, VideoServer

Serve = Callable[..., VideoServer]
Proxying = Callable[..., Proxy]
HOST = "provider.test"


@pytest.fixture
def proxying() -> Iterator[Proxying]:
    """Start a proxy that knows names; keywords make it a bad one."""
    started: list[Proxy] = []

    def start(**how: object) -> Proxy:
        started.append(Proxy(**how))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for proxy in started:
        proxy.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for the provider's name, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    made = "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout key -out crt"
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run([*made.split(), *names], check=True, capture_output=True, cwd=folder)
    both = folder / "both.pem"
    both.write_text((folder / "key").read_text() + (folder / "crt").read_text())
    return both


@pytest.fixture
def secure(serve: Serve, certificate: Path) -> Serve:
    """A server that speaks https under the provider's name."""

    def start(**instead: object) -> VideoServer:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        return serve(tls=tls, **instead)

    return start


def test_https_goes_through_a_tunnel(desk: Desk, secure: Serve, proxying: Proxying, certificate: Path) -> None:
    server = secure()
    proxy = proxying(names={f"{HOST}:443": server.port}, user="ann:pass%20word")
    proxy.user = "ann:pass word"
    environ: dict[str, Any] = {
        "HTTPS_PROXY": f"http://ann:pass%20word@127.0.0.1:{proxy.port}",
        "SSL_CERT_FILE": str(certificate),
    }
    ended = desk.reelwork("run", desk.workflow(f"https://{HOST}"), "--yes", "-v", **environ)
    assert ended.code == 0, ended.text
    assert server.creates == 1
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}
    assert "pass%20word" not in ended.text
    assert "pass word" not in ended.text


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_is_passed_on(desk: Desk, serve: Serve, proxying: Proxying, variable: str) -> None:
    server = serve()
    proxy = proxying(names={f"{HOST}:80": server.port})
    ended = desk.reelwork("run", desk.workflow(f"http://{HOST}"), "--yes", **dict[str, Any]({variable: proxy.url}))
    assert ended.code == 0, ended.text
    assert server.creates == 1
    assert f"POST http://{HOST}/v1/videos" in proxy.asked


def test_this_machine_is_reached_straight(desk: Desk, serve: Serve, proxying: Proxying) -> None:
    server, proxy = serve(), proxying(names={})
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", HTTP_PROXY=proxy.url, ALL_PROXY=proxy.url)
    assert ended.code == 0, ended.text
    assert proxy.asked == []


def test_a_link_from_outside_is_checked_here_and_never_given_to_the_proxy(
    desk: Desk, serve: Serve, proxying: Proxying
) -> None:
    """A proxy would fetch the company's own pages for whoever can write a link."""

    def elsewhere(server: VideoServer, asked: Asked) -> Answer:
        return Answer(b"", 302, {"Location": "http://intranet.test/secret"})

    server = serve(content=elsewhere)
    proxy = proxying(names={f"{HOST}:80": server.port, "intranet.test:80": server.port})
    ended = desk.reelwork(
        "run", desk.workflow(f"http://{HOST}", provider="deadline = 60"), "--yes", timeout=25, HTTP_PROXY=proxy.url
    )
    assert ended.code != 0
    assert not [line for line in proxy.asked if "intranet" in line]
    assert server.creates == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"user": "ann:right"}, "wants a name and a password (407)"),
        ({"refuses": 403}, "refused to connect (403)"),
        ({"lost": True}, "gave no answer that can be read as a proxy's"),
    ],
)
def test_what_a_tunnel_refuses_was_not_sent(
    desk: Desk, secure: Serve, proxying: Proxying, certificate: Path, bad: dict[str, object], said: str
) -> None:
    server = secure()
    proxy = proxying(names={f"{HOST}:443": server.port}, **bad)
    environ: dict[str, Any] = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "SSL_CERT_FILE": str(certificate)}
    ended = desk.reelwork("run", desk.workflow(f"https://{HOST}"), "--yes", timeout=90, **environ)
    assert ended.code == 1, ended.text
    assert said in ended.text
    assert "unknown" not in ended.text
    assert server.creates == 0
    assert desk.reelwork("spend", "--json").json["total"]["reserved"] in ("0", 0)


def test_a_proxy_that_wants_a_name_has_passed_nothing_on(desk: Desk, serve: Serve, proxying: Proxying) -> None:
    server = serve()
    proxy = proxying(names={f"{HOST}:80": server.port}, user="ann:right")
    url = f"http://ann:wrong-secret@127.0.0.1:{proxy.port}"
    ended = desk.reelwork("run", desk.workflow(f"http://{HOST}"), "--yes", timeout=40, HTTP_PROXY=url)
    assert ended.code == 1, ended.text
    assert "refused the name and password in its address (407)" in ended.text
    assert "wrong-secret" not in ended.text
    assert server.creates == 0


def test_a_proxy_that_is_not_there_is_named(desk: Desk, serve: Serve, proxying: Proxying) -> None:
    gone = proxying(names={})
    gone.close()
    url = f"http://ann:wrong-secret@127.0.0.1:{gone.port}"
    ended = desk.reelwork("run", desk.workflow(f"http://{HOST}"), "--yes", timeout=40, HTTP_PROXY=url)
    assert ended.code == 1, ended.text
    assert f"the proxy http://127.0.0.1:{gone.port} (HTTP_PROXY) cannot be reached" in ended.text
    assert "wrong-secret" not in ended.text


def test_a_kind_of_proxy_that_cannot_be_used_is_named(desk: Desk) -> None:
    url = "socks5://ann:wrong-secret@127.0.0.1:1080"
    ended = desk.reelwork("run", desk.workflow(f"http://{HOST}"), "--yes", timeout=40, ALL_PROXY=url)
    assert ended.code == 1, ended.text
    assert "ALL_PROXY names a proxy of the kind 'socks5'; http and https can be used" in ended.text
    assert "wrong-secret" not in ended.text


def test_doctor_says_which_way_is_taken(desk: Desk, serve: Serve, proxying: Proxying) -> None:
    server = serve()
    proxy = proxying(names={f"{HOST}:80": server.port})
    workflow = desk.workflow(f"http://{HOST}")
    said = desk.reelwork("doctor", workflow, HTTP_PROXY=proxy.url).out
    assert f"http://{HOST} is reached through the proxy {proxy.url} (HTTP_PROXY)" in said
    assert "never use the proxy" in said
    straight = desk.reelwork("doctor", workflow, "--offline", HTTP_PROXY=proxy.url, NO_PROXY=HOST).out
    assert f"http://{HOST} is reached directly" in straight
    unusable = desk.reelwork("doctor", workflow, "--offline", ALL_PROXY="socks5://127.0.0.1:1")
    assert unusable.code == 1
    assert f"NO_PROXY={HOST}" in unusable.out
