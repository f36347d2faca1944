"""The OpenTelemetry SDK: spans are told to it once they have ended, each with its id."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from reelwork.redaction.redactor import mask
from reelwork.studio.telemetry.spans import Span
from reelwork.text import shown
from reelwork.version import __version__

log = logging.getLogger("reelwork.telemetry")
LONGEST_PROBLEM = 200
SAMPLED_AT_ONCE = 1000
"""Traces of which is remembered whether they are sent: it is worked out again for others, with the same outcome."""


class Sdk:
    """Sends spans by these exporters, in threads of the SDK."""

    def __init__(self, exporters: Sequence[SpanExporter]) -> None:
        self._problems = _told_from_now_on()
        self._exporters = exporters
        self._ids = _GivenIds()
        # Not the global one: a program that uses Reelwork may have its own. And it is closed with the session.
        self._provider = TracerProvider(resource=_resource(), id_generator=self._ids, shutdown_on_exit=False)
        for exporter in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("reelwork", __version__)
        self._is_sampled = lru_cache(SAMPLED_AT_ONCE)(self._sampled)

    def export(self, span: Span) -> None:
        """Take a span. It is sent a little later."""
        self._ids.trace, self._ids.span = span.trace, span.id
        made = self._tracer.start_span(
            span.name,
            self._beside(span),
            SpanKind.CLIENT if span.calls_out else SpanKind.INTERNAL,
            attributes=dict(span.facts),
            links=[Link(self._known(span.trace, id_)) for id_ in span.links],
            start_time=span.began,
        )
        for moment in span.moments:
            made.add_event(moment.name, dict(moment.facts), moment.at)
        if span.failed:
            made.set_status(Status(StatusCode.ERROR))
        made.end(span.ended)

    def close(self) -> None:
        """Send what is left, and stop the threads."""
        self._provider.shutdown()

    def give_up(self) -> None:
        """Let the exporters wait for no collector any more."""
        for exporter in self._exporters:
            exporter.shutdown()

    @property
    def is_in_trouble(self) -> bool:
        """True if it was told already that traces cannot be sent."""
        return self._problems.told

    def _beside(self, span: Span) -> Context:
        """Return the context with the span's parent alone: a program around may have spans of its own."""
        if span.parent is None:
            return Context()
        return set_span_in_context(NonRecordingSpan(self._known(span.trace, span.parent)), Context())

    def _known(self, trace: int, span: int) -> SpanContext:
        # By the sampler's own word, which depends on the trace alone: all processes keep the same traces.
        flags = TraceFlags.SAMPLED if self._is_sampled(trace) else TraceFlags.DEFAULT
        return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))

    def _sampled(self, trace: int) -> bool:
        decision = self._provider.sampler.should_sample(Context(), trace, "job").decision
        return decision is Decision.RECORD_AND_SAMPLE


class _GivenIds(RandomIdGenerator):
    """Gives the ids of the span that is being told."""

    trace = 0
    span = 0

    def generate_trace_id(self) -> int:
        """Return the id of its trace; asked for only where it has no parent."""
        return self.trace

    def generate_span_id(self) -> int:
        """Return its id."""
        return self.span


def _resource() -> Resource:
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go first.
    found = Resource.create({SERVICE_VERSION: __version__})
    named = not str(found.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service")
    return found if named else found.merge(Resource({SERVICE_NAME: "reelwork"}))


class _Problems(logging.Handler):
    """Tells what the SDK says in our own log, which masks secrets: the first at once, the rest as details."""

    told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it. A collector that is down has every few seconds something new to say."""
        level = logging.DEBUG if self.told else logging.WARNING
        self.told = True
        # Masked before it is cut: of a cut key the head would show.
        said = shown(mask(record.getMessage()), LONGEST_PROBLEM)
        log.log(level, "Traces cannot be sent; the jobs are not affected. %s", said)


def _told_from_now_on() -> _Problems:
    logger = logging.getLogger("opentelemetry")
    for handler in [one for one in logger.handlers if isinstance(one, _Problems)]:
        logger.removeHandler(handler)
    problems = _Problems(logging.WARNING)
    logger.addHandler(problems)
    return problems
