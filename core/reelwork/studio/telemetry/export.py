"""Hands spans to the OpenTelemetry SDK, set up by its own environment variables (extra `otel`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from reelwork.studio.telemetry.environment import exporter_names
from reelwork.studio.telemetry.spans import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger("reelwork.telemetry")

PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTERS = "opentelemetry_traces_exporter"
"""The entry points by which packages bring exporters."""
HTTP, GRPC = "otlp_proto_http", "otlp_proto_grpc"
WITH_EXTRA = 'Install it: pip install "reelwork[otel]"'
INSTALL = {HTTP: WITH_EXTRA, GRPC: "Install it: pip install opentelemetry-exporter-otlp-proto-grpc"}
ANOTHER = "Install what brings it, or name another in OTEL_TRACES_EXPORTER."


class Exporting(Protocol):
    """Takes spans that have ended."""

    def export(self, span: Span) -> None:
        """Take one."""

    def close(self) -> None:
        """Send what is left. May block."""

    def give_up(self) -> None:
        """Send nothing more, from another thread than `close`."""

    @property
    def is_in_trouble(self) -> bool:
        """True if it was told already that traces cannot be sent."""
        ...


def opened(environ: Mapping[str, str]) -> Exporting | None:
    """Return what sends traces, as the environment says; None, and a warning, if nothing can."""
    try:
        # Here, and not above: without traces nothing of it is loaded.
        from reelwork.studio.telemetry.sdk import Sdk

        return Sdk([_made(name, environ) for name in exporter_names(environ) or ["otlp"]])
    except _NoExporterError as missing:
        name = missing.name or ""
        log.warning("No traces are sent: there is no exporter %s. %s", name, INSTALL.get(name, ANOTHER))
    except ImportError as error:
        log.warning("No traces are sent: %s. %s", error, WITH_EXTRA)
    except Exception as error:
        # Whatever an exporter finds wrong with its variables: a job does not depend on who watches it.
        log.warning("No traces are sent: the OTEL_* variables cannot be used: %s", error)
    return None


class _NoExporterError(ImportError):
    """No package that is installed brings the exporter `name`."""


def _made(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "otlp":
        spoken = next((environ[one].strip() for one in PROTOCOLS if environ.get(one, "").strip()), "http/protobuf")
        name = GRPC if spoken == "grpc" else HTTP
    found = next(iter(entry_points(group=EXPORTERS, name=name)), None)
    if found is None:
        raise _NoExporterError(name=name)
    make: Callable[[], SpanExporter] = found.load()
    return make()
