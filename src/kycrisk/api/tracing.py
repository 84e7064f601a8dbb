"""OpenTelemetry, where the extra `otel` is installed and its environment variables ask for it.

A span says which route was asked for and how it ended; it holds no path, no query and nothing that a customer gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kycrisk.api.asked import Asked

try:
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError:
    propagate = trace = None  # type: ignore[assignment]

#: The variables that name where spans go to (opentelemetry.io/docs/specs/otel/protocol/exporter).
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
Ended = Callable[[Asked, int], None]


class Tracing:
    """Spans of requests; off, they cost nothing."""

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer

    @property
    def on(self) -> bool:
        return self._tracer is not None

    @contextmanager
    def span(self, asked: Asked) -> Iterator[Ended]:
        """A span around a request; it is told how the request ended."""
        carrier = {
            name: asked.headers[name.encode()].decode("latin-1") for name in _CARRIED if name.encode() in asked.headers
        }
        with self._tracer.start_as_current_span(
            asked.method, context=propagate.extract(carrier), kind=trace.SpanKind.SERVER
        ) as span:

            def ended(answered: Asked, status: int) -> None:
                span.update_name(f"{answered.method} {answered.route}")
                span.set_attribute("http.request.method", answered.method)
                span.set_attribute("http.route", answered.route)
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("kycrisk.request_id", answered.request_id)
                if answered.decision:
                    span.set_attribute("kycrisk.decision", answered.decision)
                if status >= 500:
                    span.set_status(trace.StatusCode.ERROR)

            yield ended


_CARRIED = ("traceparent", "tracestate")
NO_TRACING = Tracing()


def tracing_of(environ: Mapping[str, str], version: str) -> Tracing:
    """Spans as the environment wants them."""
    if trace is None or not any(environ.get(name) for name in ENDPOINTS):
        return NO_TRACING
    provider = TracerProvider(resource=Resource.create({"service.name": "kycrisk", "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider.get_tracer("kycrisk"))
