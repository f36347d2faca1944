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
INSTALL = 'Install it: pip install "reelwork[otel]". No traces are sent meanwhile.'


class Exporting(Protocol):
    """Takes spans that have ended."""

    def export(self, span: Span) -> None:
        """Take one."""

    def close(self) -> None:
        """Send what is left. May block."""

    def give_up(self) -> None:
        """Send nothing more, from another thread than `close`."""


def opened(environ: Mapping[str, str]) -> Exporting | None:
    """Return what sends traces, as the environment says; None, and a warning, if nothing can."""
    try:
        # Here, and not above: without traces nothing of it is loaded.
        from reelwork.studio.telemetry.sdk import Sdk

        return Sdk([_made(name, environ) for name in exporter_names(environ) or ["otlp"]])
    except ImportError as error:
        log.warning(
            "OTEL_* variables ask for traces, and a package for them is not installed (%s). %s", error, INSTALL
        )
    except Exception as error:
        # Whatever an exporter finds wrong with its variables: a job does not depend on who watches it.
        log.warning("OTEL_* variables ask for traces, and cannot be used: %s. No traces are sent.", error)
    return None


def _made(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "otlp":
        spoken = next((environ[one].strip() for one in PROTOCOLS if environ.get(one, "").strip()), "http/protobuf")
        name = "otlp_proto_grpc" if spoken == "grpc" else "otlp_proto_http"
    found = next(iter(entry_points(group=EXPORTERS, name=name)), None)
    if found is None:
        raise ImportError(f"there is no exporter {name}")
    make: Callable[[], SpanExporter] = found.load()
    return make()
