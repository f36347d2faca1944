"""Reads from OpenTelemetry's own environment variables whether traces are wanted, and by which exporters."""

from __future__ import annotations

from collections.abc import Mapping

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")


def exporter_names(environ: Mapping[str, str]) -> list[str] | None:
    """Return the exporters that are named, without `none`; None if the variable is not set."""
    names = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    return [name for name in names if name != "none"] if names else None


def wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the environment asks for traces: it names an exporter, or an address for them."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    named = exporter_names(environ)
    return bool(named) if named is not None else any(environ.get(name, "").strip() for name in ENDPOINTS)


def secrets_in(environ: Mapping[str, str]) -> list[str]:
    """Return the values of the headers that are sent along: as a rule a key to the collector is among them."""
    pairs = [pair for name in HEADERS for pair in environ.get(name, "").split(",")]
    return [value for pair in pairs if (value := pair.partition("=")[2])]
