"""A network that signs in by OAuth. oauthlib's own provider decides what is a valid request; this only stores."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from oauthlib.oauth2 import RequestValidator, Server
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc8628.endpoints import DeviceApplicationServer
from oauthlib.oauth2.rfc8628.grant_types import DeviceCodeGrant

CLIENT, SECRET = "client:1", "client-secret/1"


class Client:
    client_id = CLIENT


class Validator(RequestValidator):
    """What oauthlib asks: which clients, codes and tokens there are. Refresh tokens are good once."""

    def __init__(self) -> None:
        self.secret = ""
        self.codes: dict[str, dict[str, Any]] = {}
        self.refresh_tokens: dict[str, list[str]] = {}
        self.used: list[str] = []
        self.device_states = ["authorized"]
        self.life = 3600
        self.pkce = True

    def validate_client_id(self, client_id: str, request: Any, *_: Any, **__: Any) -> bool:
        request.client = Client()
        return client_id == CLIENT

    def client_authentication_required(self, request: Any, *_: Any, **__: Any) -> bool:
        return bool(self.secret)

    def authenticate_client(self, request: Any, *_: Any, **__: Any) -> bool:
        request.client = Client()
        import base64
        from urllib.parse import unquote

        basic = request.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            name, _sep, secret = base64.b64decode(basic[6:]).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT, self.secret)
        return (request.client_id, request.client_secret) == (CLIENT, self.secret)

    def authenticate_client_id(self, client_id: str, request: Any, *_: Any, **__: Any) -> bool:
        request.client = Client()
        return client_id == CLIENT and not self.secret

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *_: Any, **__: Any) -> bool:
        # RFC 8252, 7.3: any port of this machine.
        parts = urlsplit(redirect_uri)
        out_of_band = redirect_uri == "urn:ietf:wg:oauth:2.0:oob"
        return out_of_band or (parts.hostname in ("127.0.0.1", "localhost") and parts.path == "/")

    def validate_response_type(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_scopes(self, client_id: str, scopes: list[str], *_: Any, **__: Any) -> bool:
        return set(scopes) <= {"read", "post"}

    def get_default_scopes(self, *_: Any, **__: Any) -> list[str]:
        return ["read"]

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return self.pkce

    def get_code_challenge(self, code: str, request: Any) -> Any:
        return self.codes[code]["challenge"]

    def get_code_challenge_method(self, code: str, request: Any) -> Any:
        return self.codes[code]["method"]

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Any, *_: Any, **__: Any
    ) -> None:
        self.codes[code["code"]] = {
            "redirect_uri": request.redirect_uri,
            "scopes": request.scopes,
            "challenge": request.code_challenge,
            "method": request.code_challenge_method,
        }

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *_: Any, **__: Any) -> bool:
        kept = self.codes.get(code)
        if kept is None:
            return False
        request.user, request.scopes = "ada", kept["scopes"]
        return True

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, *_: Any, **__: Any) -> bool:
        return self.codes[code]["redirect_uri"] == redirect_uri

    def invalidate_authorization_code(self, client_id: str, code: str, *_: Any, **__: Any) -> None:
        del self.codes[code]

    def validate_grant_type(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_refresh_token(self, token: str, client: Any, request: Any, *_: Any, **__: Any) -> bool:
        if token not in self.refresh_tokens:
            self.used.append(token)
            return False
        return True

    def get_original_scopes(self, token: str, *_: Any, **__: Any) -> list[str]:
        return self.refresh_tokens[token]

    def save_bearer_token(self, token: dict[str, Any], request: Any, *_: Any, **__: Any) -> None:
        if request.grant_type == "refresh_token":
            del self.refresh_tokens[request.refresh_token]
        if "refresh_token" in token:
            self.refresh_tokens[token["refresh_token"]] = token.get("scope", "").split()

    def validate_device_code(self, device_code: str, client: Any, request: Any) -> str:
        request.scopes = ["read"]
        return self.device_states.pop(0) if len(self.device_states) > 1 else self.device_states[0]


class Network(ThreadingHTTPServer):
    """`/authorize` allows at once; `/token` and `/device` are oauthlib's; `/me` says whose token it is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.validator = Validator()
        self.provider = Server(self.validator, token_expires_in=lambda _: self.validator.life)
        self.provider.grant_types[_DEVICE] = DeviceCodeGrant(self.validator)
        # It asks for the validator of OpenID Connect, and needs nothing of it that ours lacks.
        validator: Any = self.validator
        self.devices = DeviceApplicationServer(validator, f"{self.url}/activate", interval=1)
        self.denies = False
        self.user = "ada"
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.lose_answers = 0
        """The next answers of `/token` that are carried out and never arrive."""
        self.answer: tuple[int, str] | None = None
        """What `/token` answers instead."""
        self.alive: set[str] = set()
        self.posts: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def refreshes(self) -> list[str]:
        """The refresh tokens that were sent."""
        forms = (form for path, form in self.seen if path == "/token")
        return [form["refresh_token"] for form in forms if form.get("grant_type") == "refresh_token"]


_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Handler(BaseHTTPRequestHandler):
    server: Network  # type: ignore[assignment]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.seen.append((path, dict(parse_qsl(urlsplit(self.path).query))))
        if path == "/authorize":
            self._authorize()
        elif path == "/me":
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            known = token in self.server.alive
            self._send(200 if known else 401, json.dumps({"name": self.server.user} if known else {}))
        else:
            self._send(404, "{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = self.path
        self.server.seen.append((path, dict(parse_qsl(body))))
        headers = dict(self.headers.items())
        url = f"{self.server.url}{path}"
        if path == "/device":
            made = self.server.devices.create_device_authorization_response(url, "POST", body, headers)
            _headers, text, status = made
            self._send(status, text if isinstance(text, str) else json.dumps(text))
            return
        if path == "/posts":
            known = headers.get("Authorization", "").removeprefix("Bearer ") in self.server.alive
            self.server.posts += [json.loads(body)["text"]] if known else []
            self._send(200 if known else 401, json.dumps({"id": str(len(self.server.posts))}))
            return
        self.server.hold.wait(20)
        if self.server.answer is not None:
            self._send(*self.server.answer)
            return
        _headers, text, status = self.server.provider.create_token_response(url, "POST", body, headers)
        if status == 200:
            self.server.alive.add(json.loads(text)["access_token"])
        if self.server.lose_answers:
            self.server.lose_answers -= 1
            self.close_connection = True
            self.connection.close()
            return
        self._send(status, text)

    def _authorize(self) -> None:
        url = f"{self.server.url}{self.path}"
        try:
            scopes, found = self.server.provider.validate_authorization_request(url, "GET", "", {})
        except errors.OAuth2Error as error:
            self._send(400, json.dumps({"error": error.error, "error_description": error.description}))
            return
        if self.server.denies:
            back = f"{found['redirect_uri']}?error=access_denied&state={found['state']}"
            self._send(302, "", back)
            return
        headers, _body, status = self.server.provider.create_authorization_response(
            url, "GET", "", {}, scopes=scopes, credentials={"user": "ada"}
        )
        self._send(status, "", headers["Location"])

    def _send(self, status: int, text: str, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@contextmanager
def network() -> Iterator[Network]:
    with Network() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()
