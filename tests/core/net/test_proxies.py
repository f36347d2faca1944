from __future__ import annotations

import pytest

from reelwork.net.addresses import Origin, RequestRefused
from reelwork.net.proxies import Proxies
from reelwork.redaction.redactor import MASK, Redactor

API = Origin("https", "api.example.com", 443)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_a_variable_everything_goes_straight() -> None:
    assert Proxies.from_environment(Redactor()).for_origin(API) is None


def test_the_scheme_s_own_variable_goes_before_that_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    monkeypatch.setenv("HTTPS_PROXY", "https.example:2")
    proxies = Proxies.from_environment(Redactor())
    chosen, other = proxies.for_origin(API), proxies.for_origin(Origin("http", "api.example.com", 80))
    assert str(chosen) == "http://https.example:2 (HTTPS_PROXY)"
    assert str(other) == "http://all:1 (ALL_PROXY)"
    assert chosen is not None
    assert chosen.tunnel
    assert other is not None
    assert not other.tunnel


@pytest.mark.parametrize(
    ("no_proxy", "host", "straight"),
    [
        ("*", "api.example.com", True),
        ("example.com", "api.example.com", True),
        (".example.com", "api.example.com", True),
        ("*.example.com", "api.example.com", True),
        ("example.com", "badexample.com", False),
        ("other.com, api.example.com", "API.example.com", True),
        ("api.example.com:443", "api.example.com", True),
        ("api.example.com:8443", "api.example.com", False),
        ("10.0.0.0/8", "10.2.3.4", True),
        ("10.0.0.0/8", "11.2.3.4", False),
        ("10.2.3.4", "10.2.3.4", True),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("2001:db8::/32", "2001:db8::1", True),
        (",, ,", "api.example.com", False),
        ("", "localhost", True),
        ("", "studio.localhost", True),
        ("", "127.8.0.1", True),
        ("", "::1", True),
        ("", "192.168.0.4", False),
    ],
)
def test_what_goes_straight(monkeypatch: pytest.MonkeyPatch, no_proxy: str, host: str, straight: bool) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    chosen = Proxies.from_environment(Redactor()).for_origin(Origin("https", host, 443))
    assert (chosen is None) == straight


@pytest.mark.parametrize(
    "url", ["socks5://proxy:1080", "http://", "http://[::1", "http://proxy:nonsense", "ftp://proxy"]
)
def test_a_proxy_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(RequestRefused, match="HTTPS_PROXY"):
        Proxies.from_environment(Redactor()).for_origin(API)


def test_the_password_is_masked_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:se%20cret@proxy:3128")
    redactor = Redactor()
    proxies = Proxies.from_environment(redactor)
    chosen = proxies.for_origin(API)
    assert chosen is not None
    assert chosen.credentials == "Basic YW5uOnNlIGNyZXQ="
    shown = redactor.redact(f"{chosen} {chosen!r} {proxies!r} {chosen.credentials} se%20cret se cret")
    assert MASK in shown
    assert not {"se%20cret", "se cret", "YW5uOnNlIGNyZXQ="} & set(shown.split())
    assert "se cret" not in shown


def test_the_variable_in_lower_case_goes_first_and_a_request_s_header_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = Origin("http", "api.example.com", 80)
    monkeypatch.setenv("HTTP_PROXY", "http://upper:1")
    monkeypatch.setenv("http_proxy", "http://lower:2")
    assert str(Proxies.from_environment(Redactor()).for_origin(plain)) == "http://lower:2 (HTTP_PROXY)"
    monkeypatch.setenv("http_proxy", "")
    assert Proxies.from_environment(Redactor()).for_origin(plain) is None
    monkeypatch.delenv("http_proxy")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert Proxies.from_environment(Redactor()).for_origin(plain) is None
