"""Secrets in AWS Secrets Manager: `aws-sm:NAME` and `aws-sm:NAME#KEY`.

Region, endpoint, profile and credentials come from the environment that AWS's own tools use.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

from reelwork_hooks.errors import SecretNotFound

# Long enough that not every request of a plugin asks AWS, short enough that a rotated secret takes effect.
KEPT_SECONDS = 300
"""Seconds for which a secret's text is kept in memory."""

_CREDENTIALS = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role."
_REGION = "Set AWS_REGION, or name the secret by its ARN."
_ANSWERS = {
    "ResourceNotFoundException": (
        "there is no secret of that name in {region}",
        "Check the name, AWS_REGION and the account: aws secretsmanager list-secrets",
    ),
    "AccessDeniedException": (
        "these credentials may not read it",
        "They need secretsmanager:GetSecretValue on it, and kms:Decrypt when it has a key of its own.",
    ),
    "UnrecognizedClientException": ("AWS does not know these credentials", _CREDENTIALS),
    "InvalidSignatureException": ("AWS does not accept these credentials", _CREDENTIALS),
    "ExpiredTokenException": ("these credentials have expired", "Sign in again: aws sso login"),
    "DecryptionFailure": ("AWS could not decrypt it", "The credentials need kms:Decrypt on the secret's key."),
    "InvalidRequestException": ("AWS refused the request", "The secret may be marked for deletion."),
}

_kept: dict[tuple[str, ...], tuple[float, str]] = {}
_lock = threading.Lock()


def read(rest: str) -> str:
    """Return the secret behind `NAME` or `NAME#KEY`, where KEY picks a field of a JSON object.

    Its text is kept in this process for `KEPT_SECONDS`. Raises `SecretNotFound`, which never holds the value.
    """
    name, marked, key = rest.partition("#")
    reference = f"aws-sm:{rest}"
    if not name or (marked and not key):
        raise SecretNotFound(f"{reference}: it names no secret", hint="Write aws-sm:NAME or aws-sm:NAME#KEY.")
    text = _text(name, reference)
    value = _field(text, key, reference) if key else text
    if not value.strip():
        raise SecretNotFound(f"{reference}: it is empty", hint="Put the secret into it.")
    return value.rstrip("\r\n")


def forget() -> None:
    """Drop the cached texts, so that the next use asks AWS again."""
    with _lock:
        _kept.clear()


def _text(name: str, reference: str) -> str:
    # The same name in another region, profile or account is another secret.
    variables = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID")
    source = (name, *(os.environ.get(variable, "") for variable in variables))
    # One at a time: a second thread that wants the same secret finds it kept.
    with _lock:
        # By a clock that nobody sets: a step of the wall clock must not keep a rotated secret for hours.
        until, text = _kept.get(source, (0.0, ""))
        if time.monotonic() >= until:
            text = _asked(name, reference)
            _kept[source] = (time.monotonic() + KEPT_SECONDS, text)
    return text


def _asked(name: str, reference: str) -> str:
    try:
        from botocore import exceptions
    except ImportError as error:
        raise SecretNotFound(
            f"{reference}: reading secrets from AWS needs boto3, which is not installed",
            hint='Install it with: pip install "reelwork[aws]"',
        ) from error
    region = ""
    try:
        client = _client(name)
        region = client.meta.region_name
        answer = client.get_secret_value(SecretId=name)
    except exceptions.ClientError as error:
        raise _refused(error, reference, region) from None
    except exceptions.NoRegionError:
        raise SecretNotFound(f"{reference}: no AWS region is set", hint=_REGION) from None
    except exceptions.ProfileNotFound as error:
        raise SecretNotFound(f"{reference}: {error}", hint="Check AWS_PROFILE.") from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise SecretNotFound(f"{reference}: no AWS credentials were found", hint=_CREDENTIALS) from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError):
        raise _unreached(reference, region) from None
    # botocore raises a bare ValueError for an endpoint that is no address.
    except (exceptions.BotoCoreError, ValueError) as error:
        problem = f"{reference}: AWS could not be asked ({type(error).__name__})"
        raise SecretNotFound(problem, hint=_CREDENTIALS) from None
    return _text_of(answer, reference)


def _client(name: str) -> Any:
    from boto3.session import Session
    from botocore.config import Config

    arn = name.split(":")
    # boto3 itself reads AWS_DEFAULT_REGION only; every other AWS tool puts AWS_REGION first.
    region = arn[3] if name.startswith("arn:") and len(arn) > 6 else os.environ.get("AWS_REGION")
    limits = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
    # A session of its own: boto3's default session is not safe to share between threads.
    return Session(region_name=region or None).client("secretsmanager", config=limits)


def _refused(error: Any, reference: str, region: str) -> SecretNotFound:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code not in _ANSWERS and status in (401, 403):
        return SecretNotFound(f"{reference}: AWS refused these credentials ({code or status})", hint=_CREDENTIALS)
    problem, hint = _ANSWERS.get(code, (f"AWS answered {code or status}", "Try again later."))
    return SecretNotFound(f"{reference}: {problem.format(region=region)}", hint=hint)


def _unreached(reference: str, region: str) -> SecretNotFound:
    return SecretNotFound(
        f"{reference}: AWS Secrets Manager ({os.environ.get('AWS_ENDPOINT_URL') or region}) could not be reached",
        hint="Check the network, AWS_REGION and AWS_ENDPOINT_URL, then try again.",
    )


def _text_of(answer: Any, reference: str) -> str:
    if "SecretString" not in answer:
        raise SecretNotFound(f"{reference}: it is binary, not text", hint="Store it as a text secret.")
    return str(answer["SecretString"])


def _field(text: str, key: str, reference: str) -> str:
    try:
        fields = json.loads(text)
    except ValueError:
        # Not chained: the error object carries the whole text.
        fields = None
    if not isinstance(fields, dict):
        raise SecretNotFound(
            f"{reference}: the secret is not a JSON object, so it has no field {key!r}",
            hint="Leave out #KEY to use all of it.",
        )
    if key not in fields:
        known = ", ".join(map(str, fields)) or "none"
        raise SecretNotFound(f"{reference}: the secret has no field {key!r}", hint=f"It has: {known}.")
    if not isinstance(fields[key], str | int | float) or isinstance(fields[key], bool):
        raise SecretNotFound(f"{reference}: the field {key!r} is no text", hint="Store the secret as a text.")
    return str(fields[key])
