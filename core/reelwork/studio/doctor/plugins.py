"""Checks of what plugins need, such as a service or a certificate, by the plugins themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator

from reelwork.errors import PluginFailed
from reelwork.plugins.answers import problems
from reelwork.plugins.guard import Callee, called
from reelwork.plugins.instances import Instance
from reelwork.plugins.pipeline import Pipeline
from reelwork.plugins.plugin_settings import callee_of
from reelwork.studio.doctor.machine import Finding
from reelwork_hooks.briefs import Problem
from reelwork_hooks.errors import ReelworkError, SecretNotFound

CALL = "doctor_problems"
LONGEST_CHECK = 30.0
"""Seconds a plugin is given."""


async def plugin_findings(pipeline: Pipeline, *, offline: bool) -> AsyncIterator[Finding]:
    """Yield what plugins find wrong with what they need; a plugin that finds nothing is in order."""
    for name, instance in pipeline.instances.items():
        # One with an account has been checked with its account.
        if not instance.has_doctor_problems or instance.account_name:
            continue
        try:
            found = await _asked(callee_of(pipeline.definitions[name]), instance, offline=offline)
        except SecretNotFound:
            # Told among the secrets.
            continue
        except (ReelworkError, PluginFailed) as error:
            yield Finding("failure", "plugins", f"{name}: {error.message}", error.hint)
            continue
        for problem in found:
            yield Finding(
                "warning" if problem.warning else "failure", "plugins", f"{name}: {problem.message}", problem.hint
            )
        if not found:
            seen = ", as far as that can be seen offline" if offline else ""
            yield Finding("ok", "plugins", f"{name}: what it needs is in order{seen}")


async def _asked(callee: Callee, instance: Instance, *, offline: bool) -> tuple[Problem, ...]:
    answer = await called(callee, CALL, instance.target.doctor_problems, [offline], LONGEST_CHECK, is_async=True)
    return problems(callee, CALL, answer)
