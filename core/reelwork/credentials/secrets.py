"""Turns a secret's reference into the secret, at the moment it is used."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import SecretNotFound

# A larger file is not a secret but a mistaken path, such as that of a video.
LARGEST_SECRET = 64 * 1024
"""Bytes."""


def resolve(reference: str, base_dir: Path, redactor: Redactor) -> str:
    """Return the secret behind `env:NAME`, `file:PATH` or `aws-sm:NAME#KEY`, masked in all output from now on.

    A relative path is meant from `base_dir`; `~` is the home folder; line ends after the secret are cut off.
    A secret of AWS Secrets Manager is kept in memory for five minutes, the others are read each time.
    Raises `SecretNotFound`, which names the reference and never the value; also for one that cannot be meant so.
    """
    scheme, _, rest = reference.partition(":")
    read = _SCHEMES.get(scheme)
    if read is None or not rest:
        # Not shown: a secret that was pasted in place of its reference must not get into a log.
        raise SecretNotFound(
            "a secret was not given as a reference",
            hint="Write env:NAME, file:PATH or aws-sm:NAME#KEY in its place, and keep the secret itself there.",
        )
    value = read(rest, base_dir)
    # First of all, so that nothing that goes wrong from here on can show it.
    redactor.add(value)
    _check_written(reference, value)
    return value


def _check_written(reference: str, value: str) -> None:
    """Refuse a secret with characters that came along when it was pasted or saved. Raises `SecretNotFound`."""
    # No service takes such a key, and its answer names neither the key nor what is wrong with it.
    first, last = value[:1], value[-1:]
    fault = ""
    if first == "\ufeff":
        fault = "begins with a byte order mark, which an editor has put before it"
    elif _is_blank(first) or _is_blank(last):
        fault = f"{'begins' if _is_blank(first) else 'ends'} with a space or another character that cannot be seen"
    elif any(unicodedata.category(letter) == "Cc" and letter not in "\t\r\n" for letter in value):
        fault = "holds a control character"
    if fault:
        raise SecretNotFound(f"{reference}: the secret {fault}", hint="Remove it.")


def _is_blank(letter: str) -> bool:
    return bool(letter) and (letter.isspace() or unicodedata.category(letter) == "Cf")


def _from_environment(name: str, base_dir: Path) -> str:
    value = os.environ.get(name, "").strip("\r\n")
    if not value:
        state = "empty" if name in os.environ else "not set"
        raise SecretNotFound(
            f"env:{name}: the environment variable {name} is {state}", hint=f"Set it: export {name}=…"
        )
    return value


def _from_file(place: str, base_dir: Path) -> str:
    reference = f"file:{place}"
    try:
        path = base_dir / Path(place).expanduser()
        if path.stat().st_size > LARGEST_SECRET:
            raise SecretNotFound(f"{reference}: {path} is too large to be a secret")
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SecretNotFound(f"{reference}: cannot read it: {why}", hint="Check the path in it.") from error
    except UnicodeDecodeError:
        # Not chained: the error object carries the file's bytes.
        raise SecretNotFound(f"{reference}: it is not a text file") from None
    if not value.strip():
        raise SecretNotFound(f"{reference}: {path} is empty", hint="Put the secret into it.")
    return value


def _from_aws(rest: str, base_dir: Path) -> str:
    from reelwork.credentials import aws

    return aws.read(rest)


# A new scheme is also one of `SECRET_SCHEMES` in `reelwork_hooks/plugin.py`, and of `SECRET` in `named_secrets.py`.
_SCHEMES: Mapping[str, Callable[[str, Path], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "aws-sm": _from_aws,
}
