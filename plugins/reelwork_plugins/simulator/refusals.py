"""Refusals, and the body of each dialect for them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import uuid4

from reelwork_plugins.simulator.dialects import Dialect


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None,
        headers: dict[str, str] | None = None, where: str = "body", data: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers or {}
        self.where = where
        self.data = data or {}


def error_body(dialect: Dialect, refused: Refused) -> dict[str, Any]:
    """Return the JSON of an error in the dialect's form.

    OpenAI's has message, type, param and code. FastAPI, which vLLM-Omni uses as it comes, has `detail`: a list
    for a field that does not fit, else a text. LiteLLM's is OpenAI's with the status, as text, for a code.
    OpenRouter's has the status, as a number, for a code, and a message. fal's is FastAPI's.
    """
    if dialect.errors == "fal":
        if refused.status != 422:
            return {"detail": refused.message}
        place = [refused.where, refused.param] if refused.param else [refused.where]
        return {"detail": [{"loc": place, "msg": refused.message, "type": refused.code or "value_error"}]}
    if dialect.errors == "fastapi":
        # vLLM checks the key before FastAPI has a say.
        if refused.status == 401:
            return {"error": "Unauthorized"}
        if refused.status == 422 and refused.param:
            place = [refused.where, refused.param]
            return {"detail": [{"type": refused.code or "value_error", "loc": place, "msg": refused.message}]}
        return {"detail": refused.message}
    if dialect.errors in ("mastodon", "youtube", "graph", "tiktok", "x", "linkedin") and refused.where == "oauth":
        return {"error": refused.code, "error_description": refused.message}
    if dialect.errors == "mastodon":
        return {"error": refused.message}
    if dialect.errors == "youtube":
        return _google_error(refused)
    if dialect.errors == "graph":
        return _graph_error(refused)
    if dialect.errors == "tiktok":
        return _tiktok_error(refused)
    if dialect.errors == "linkedin":
        return _linkedin_error(refused)
    if dialect.errors == "discord":
        return _discord_error(refused)
    if dialect.errors == "x":
        return _x_error(refused)
    if dialect.errors == "problem":
        # RFC 9457.
        about = {"type": "about:blank", "title": phrase(refused.status), "status": refused.status}
        return {**about, "detail": refused.message}
    if dialect.errors == "telegram":
        return _telegram_error(refused)
    if dialect.errors == "kling":
        code = refused.code if (refused.code or "").isdecimal() else _KLING_CODES.get(refused.status, "5000")
        return {"code": int(code or 0), "message": refused.message, "request_id": uuid4().hex}
    if dialect.errors == "openrouter":
        return {"error": {"code": refused.status, "message": refused.message}}
    code = str(refused.status) if dialect.errors == "litellm" else refused.code
    error = {"message": refused.message, "type": _type(refused.status), "param": refused.param, "code": code}
    return {"error": error}


def _google_error(refused: Refused) -> dict[str, Any]:
    reason = refused.code or _GOOGLE_REASONS.get(refused.status, "badRequest")
    place = {"location": refused.param, "locationType": "other"} if refused.param else {}
    one = {"message": refused.message, "domain": "youtube.video", "reason": reason, **place}
    return {"error": {"code": refused.status, "message": refused.message, "errors": [one]}}


def _graph_error(refused: Refused) -> dict[str, Any]:
    """Return Meta's error. A code is written with its subcode behind a point."""
    given = refused.code or ""
    known = given if given.lstrip("-").replace(".", "").isdecimal() else _GRAPH_CODES.get(refused.status, "100")
    code, _, sub = known.partition(".")
    error: dict[str, Any] = {"message": refused.message, "type": "OAuthException", "code": int(code[:12])}
    if sub:
        error |= {"error_subcode": int(sub[:12]), "error_user_title": "", "error_user_msg": refused.message}
    if refused.data:
        error["error_data"] = refused.data
    return {"error": {**error, "is_transient": refused.status >= 500, "fbtrace_id": uuid4().hex[:24]}}


def graph_refusal(code: str) -> Refused:
    """Return Meta's refusal with this code."""
    whole = code if code.lstrip("-").replace(".", "").isdecimal() else "100"
    return Refused(400, f"{_GRAPH_WORDS.get(whole, 'An error occurred.')} (simulated)", code=whole)


_GRAPH_CODES = {401: "190", 403: "10", 404: "100.33", 429: "4", 500: "2", 502: "2", 503: "2", 504: "2"}
"""The usual code for a status."""
_GRAPH_WORDS = {
    "190": "Error validating access token: Session has expired.",
    "10": "Application does not have permission for this action",
    "4": "Application request limit reached",
    "9.2207042": "You reached maximum number of posts that is allowed to be published by Content Publishing API.",
    "9007.2207027": "The media is not ready for publishing, please wait for a moment",
    "-2.2207020": "The media you are trying to access has expired. Please try to upload again.",
    "-1.2207001": "Instagram server error. Try again.",
    "25.2207050": "User account is restricted.",
    "4.2207051": "We restrict certain activity to protect our community.",
}


def _tiktok_error(refused: Refused) -> dict[str, Any]:
    usual = _TIKTOK_CODES.get(refused.status, "internal_error" if refused.status >= 500 else "invalid_params")
    code = usual if refused.code in (None, *_OUR_CODES) else refused.code
    return {"data": {}, "error": {"code": code, "message": refused.message, "log_id": uuid4().hex.upper()}}


def tiktok_refusal(code: str) -> Refused:
    """Return TikTok's refusal with this code."""
    status = next((one for one, codes in _TIKTOK_STATUSES.items() if code in codes), 403)
    return Refused(status, f"Refused: {code} (simulated)", code=code)


_OUR_CODES = ("simulated_fault", "server_error")
"""Codes of faults, which no network knows."""
_TIKTOK_CODES = {401: "access_token_invalid", 403: "spam_risk", 429: "rate_limit_exceeded"}
"""The usual code for a status."""
_TIKTOK_STATUSES = {
    400: (
        "invalid_params", "invalid_file_upload", "app_version_check_failed", "invalid_publish_id",
        "token_not_authorized_for_specified_publish_id",
    ),
    401: ("access_token_invalid", "scope_not_authorized", "scope_permission_missed"),
    429: ("rate_limit_exceeded",),
    500: ("internal_error",),
}  # fmt: skip


def _discord_error(refused: Refused) -> dict[str, Any]:
    if refused.status == 429:
        wait = float(refused.headers.get("retry-after", "1"))
        return {"message": refused.message, "retry_after": wait, "global": False}
    code = refused.code if (refused.code or "").isdecimal() else "0"
    error: dict[str, Any] = {"message": refused.message, "code": int(code or 0)}
    if refused.param:
        name, _, words = refused.param.partition(": ")
        error["errors"] = {name: {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": words}]}}
    return error


def _x_error(refused: Refused) -> dict[str, Any]:
    """Return X's problem. What is wrong with a parameter stands in a list beside it."""
    code = refused.code or ""
    # Some problems have an address of their own; the others are only told by their status.
    own = code in _X_PROBLEMS and code != "duplicate"
    kind = f"https://api.x.com/2/problems/{code}" if own else "about:blank"
    title = _X_PROBLEMS[code][1] if own else phrase(refused.status)
    problem: dict[str, Any] = {"title": title, "detail": refused.message, "type": kind, "status": refused.status}
    if refused.param:
        shown = {refused.param: [refused.data.get("value", "")]}
        inner = [{"parameters": shown, "message": refused.message}]
        problem |= {"errors": inner, "detail": "One or more parameters to your request was invalid."}
    return problem


def x_refusal(name: str) -> Refused:
    """Return X's refusal with this problem."""
    status, _, message = _X_PROBLEMS.get(name, (400, "", "Refused"))
    return Refused(status, f"{message} (simulated)", code=name)


_X_PROBLEMS = {
    "invalid-request": (400, "Invalid Request", "One or more parameters to your request was invalid."),
    "resource-not-found": (404, "Not Found Error", "Could not find what was asked for."),
    "client-forbidden": (403, "Client Forbidden", "This app is not allowed to use this endpoint."),
    "unsupported-authentication": (403, "Unsupported Authentication", "This authentication is not supported here."),
    "usage-capped": (429, "UsageCapExceeded", "Usage cap exceeded: Monthly product cap"),
    "rate-limit-exceeded": (429, "Rate limit exceeded", "Rate limit exceeded"),
    "credits-depleted": (402, "Credits Depleted", "Your account does not have any credits left."),
    "duplicate": (403, "Forbidden", "You are not allowed to create a Tweet with duplicate content."),
    "internal-error": (500, "Internal Error", "Something is broken."),
}
"""By the name of the problem: status, title and words."""


def _linkedin_error(refused: Refused) -> dict[str, Any]:
    """Return LinkedIn's error. What is wrong with a post's content stands in a list beside the message."""
    code = refused.code
    if code is None or code in (*_OUR_CODES, "rate_limit_exceeded"):
        code = _LINKEDIN_CODES.get(
            refused.status, "INTERNAL_SERVER_ERROR" if refused.status >= 500 else "BAD_REQUEST"
        )
    if not refused.data:
        return {"status": refused.status, "code": code, "message": refused.message}
    one = {"description": refused.data.get("description", ""), "input": {}, "code": code}
    kind = "com.linkedin.common.error.BadRequest"
    details = {"errorDetailType": kind, "errorDetails": {"inputErrors": [one]}}
    return {**details, "message": refused.message, "status": refused.status}


def linkedin_refusal(code: str) -> Refused:
    """Return LinkedIn's refusal with this code."""
    status, words = _LINKEDIN_REFUSALS.get(code, (400, "Refused"))
    data = {"description": "Duplicate post is detected"} if code == "DUPLICATE_POST" else None
    return Refused(status, f"{words} (simulated)", code=code, data=data)


_LINKEDIN_CODES = {
    401: "INVALID_ACCESS_TOKEN", 403: "ACCESS_DENIED", 404: "NOT_FOUND", 429: "TOO_MANY_REQUESTS",
}  # fmt: skip
"""The usual code for a status."""
_LINKEDIN_REFUSALS = {
    "ACCESS_DENIED": (403, "Not enough permissions to access: partnerApiPosts.CREATE"),
    "DUPLICATE_POST": (422, "Content is a duplicate of urn:li:share:7000000000000000001"),
    "EXPIRED_ACCESS_TOKEN": (401, "The token used in the request has expired"),
    "INVALID_ACCESS_TOKEN": (401, "Invalid access token"),
    "NONEXISTENT_VERSION": (426, "Requested version 20240101 is not active"),
    "REVOKED_ACCESS_TOKEN": (401, "The token used in the request has been revoked by the user"),
    "TOO_MANY_REQUESTS": (429, "Resource level throttle DAY limit for calls to this resource is reached."),
}
"""By LinkedIn's code: status and words."""


def _telegram_error(refused: Refused) -> dict[str, Any]:
    error: dict[str, Any] = {"ok": False, "error_code": refused.status, "description": refused.message}
    if wait := refused.headers.get("retry-after"):
        # Telegram itself asks for whole seconds.
        error["parameters"] = {"retry_after": int(wait) if wait.isdecimal() else float(wait)}
    return error


def youtube_refusal(reason: str) -> Refused:
    """Return YouTube's refusal for this reason."""
    return Refused(_GOOGLE_STATUSES.get(reason, 400), f"Refused: {reason} (simulated)", code=reason)


_GOOGLE_REASONS = {
    401: "authError",
    403: "forbidden",
    404: "notFound",
    429: "rateLimitExceeded",
    500: "backendError",
}
"""The usual reason for a status."""
_GOOGLE_STATUSES = {
    "authError": 401, "quotaExceeded": 403, "dailyLimitExceeded": 403, "rateLimitExceeded": 403,
    "userRateLimitExceeded": 403, "forbidden": 403, "forbiddenPrivacySetting": 403, "insufficientPermissions": 403,
    "youtubeSignupRequired": 401, "videoNotFound": 404, "backendError": 503,
}  # fmt: skip


def kling_refusal(code: str) -> Refused:
    """Return Kling's refusal with this code of its own."""
    status, message = _KLING_REFUSALS.get(code, (400, "Request parameters are invalid"))
    return Refused(status, f"{message} (simulated)", code=code)


_KLING_CODES = {
    400: "1201", 401: "1000", 403: "1103", 404: "1203", 429: "1302", 500: "5000", 503: "5001", 504: "5002",
}  # fmt: skip
"""The usual code for a status."""
_KLING_REFUSALS = {
    "1000": (401, "Authentication failed"),
    "1001": (401, "Authorization is empty"),
    "1002": (401, "Authorization is invalid"),
    "1003": (401, "Authorization is not yet valid"),
    "1004": (401, "Authorization has expired"),
    "1100": (429, "Account exception"),
    "1101": (429, "Account in arrears"),
    "1102": (429, "Resource pack depleted or expired"),
    "1103": (403, "Unauthorized access to requested resource"),
    "1300": (400, "Trigger strategy"),
    "1301": (400, "Trigger the content security policy of the platform"),
    "1302": (429, "API request over rate limit"),
    "1303": (429, "parallel task over resource pack limit"),
    "1304": (429, "Trigger the IP whitelisting policy"),
    "5000": (500, "Internal server error"),
    "5001": (503, "Server is temporarily unavailable"),
    "5002": (504, "Server internal timeout"),
}


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def phrase(status: int) -> str:
    """Return the words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
