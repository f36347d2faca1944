"""Where the values come from that a plugin needs to sign in: options, environment, the person at the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from reelwork.credentials.in_keyring import NOTHING_KEPT
from reelwork_hooks.accounts import AccountField
from reelwork_hooks.errors import InvalidInput, SecretNotFound

VARIABLE = "REELWORK_ACCOUNT_"
"""Begins the names of environment variables that hold fields."""
_OPTIONS = {"identifier": "--identifier", "service": "--service", "password": "--password-file or --password-env"}


@dataclass(frozen=True)
class Given:
    """The fields of an account that the command line gives."""

    fields: Sequence[str]
    """`NAME=VALUE`, each."""
    options: Mapping[str, str | None]
    """By the name of the field that an option of its own stands for."""
    password_file: Path | None = None
    password_env: str | None = None


def asked_for(fields: Sequence[AccountField], given: Given) -> dict[str, str]:
    """Return the value of every field. Raises `InvalidInput` for one that is missing or unknown."""
    written = _written(fields, given)
    values = {}
    for field in fields:
        value = _value(field, written, given)
        if value:
            values[field.name] = value
    return values


def _written(fields: Sequence[AccountField], given: Given) -> dict[str, str]:
    known = {field.name for field in fields}
    written = {name: value for name, value in given.options.items() if value}
    for text in given.fields:
        name, is_pair, value = text.partition("=")
        if not is_pair or not value:
            # The value is not repeated: it may be a secret.
            raise InvalidInput(
                f"--field {name.partition(':')[0][:40]!r} has no value.",
                money=NOTHING_KEPT,
                hint="Write --field NAME=VALUE.",
            )
        written[name] = value
    for name in (*written, *(["password"] if given.password_file or given.password_env else [])):
        if name not in known:
            there = f"There are: {', '.join(sorted(known))}." if known else "It asks for nothing."
            raise InvalidInput(f"This kind of account has no field {name!r}.", money=NOTHING_KEPT, hint=there)
    return written


def _value(field: AccountField, written: Mapping[str, str], given: Given) -> str:
    if field.name == "password" and (given.password_file is not None or given.password_env is not None):
        return _password(given.password_file, given.password_env)
    if field.name in written:
        return _resolved(field, written[field.name])
    if value := os.environ.get(f"{VARIABLE}{field.name.upper()}", "").strip("\r\n"):
        return value
    # Two fields of `sign_in` that were never asked for.
    if not field.required and (not sys.stdin.isatty() or field.name == "service"):
        return field.default
    return _asked(field)


def _resolved(field: AccountField, value: str) -> str:
    from reelwork.credentials.named_secrets import SECRET
    from reelwork.credentials.secrets import resolve
    from reelwork.redaction.redactor import Redactor
    from reelwork.settings.paths import here

    if SECRET.match(value):
        try:
            return resolve(value, here(), Redactor())
        except SecretNotFound as error:
            raise InvalidInput(
                f"--field {field.name}: {error.message}", money=NOTHING_KEPT, hint=error.hint
            ) from None
    if field.secret:
        raise InvalidInput(
            f"--field {field.name} gives a secret in the clear: other programs on this machine can read it there.",
            money=NOTHING_KEPT,
            hint=f"Say where it is instead: --field {field.name}=env:NAME, or =file:PATH.",
        )
    return value


def _password(file: Path | None, variable: str | None) -> str:
    if file is not None and variable is not None:
        raise InvalidInput("Give --password-file or --password-env, not both.", money=NOTHING_KEPT)
    if variable is not None:
        value = os.environ.get(variable, "")
        where = f"The environment variable {variable}"
    else:
        assert file is not None
        value, where = _text_of(file), str(file)
    if not value.strip():
        raise InvalidInput(f"{where} holds no password.", money=NOTHING_KEPT)
    # Only line ends: a password may begin or end with a space.
    return value.strip("\r\n")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise InvalidInput(f"{file} cannot be read: {why}.", money=NOTHING_KEPT) from None


def _asked(field: AccountField) -> str:
    title = field.title or field.name.replace("_", " ").capitalize()
    if not sys.stdin.isatty():
        if field.default:
            return field.default
        variable = f"{VARIABLE}{field.name.upper()}"
        by_field = f"--field {field.name}={'env:NAME' if field.secret else 'VALUE'}, or set {variable}"
        raise InvalidInput(
            f"No {title.partition(' (')[0].lower()} was given, and there is no terminal to ask on.",
            money=NOTHING_KEPT,
            hint=f"Give {', or '.join(filter(None, (_OPTIONS.get(field.name), by_field)))}.",
        )
    if field.help:
        click.echo(field.help, err=True)
    needed = field.required and not field.default
    hidden = field.secret and "not shown" not in title
    question = f"{title} (not shown)" if hidden else title
    answer: str = click.prompt(
        question,
        default=None if needed else field.default,
        hide_input=field.secret,
        show_default=bool(field.default),
        err=True,
    )
    return answer.strip() if not field.secret else answer
