"""Traces for OpenTelemetry: what jobs did, as spans. No job depends on them."""
