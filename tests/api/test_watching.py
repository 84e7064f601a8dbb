"""What operators look at: the dashboard asks for what there is, and spans name routes, not people."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
import yaml
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typer.testing import CliRunner

from kycrisk.api.app import make_app
from kycrisk.api.tracing import NO_TRACING, Tracing, tracing_of
from kycrisk.cli import app
from tests.api.conftest import Api

HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
    "CapabilityBoundingSet": "",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
}
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_the_dashboard_asks_for_measures_that_there_are(api):
    async def body(api):
        await api.screen()
        await api.screen({"ip": 7})
        text = (await api.client.get("/metrics")).text
        there = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
        panels = json.loads((DEPLOY / "grafana" / "kycrisk.json").read_text())["panels"]
        asked = {
            re.sub(r"_(bucket|sum|count)$", "", name)
            for panel in panels
            for target in panel["targets"]
            for name in re.findall(r"\bkycrisk_\w+", target["expr"])
        }
        assert asked - there == set()
        assert {name for name in there if name.startswith("kycrisk_deliver")} <= asked
        assert len(asked) >= 8

    api(body)


def test_the_compose_file_keeps_the_service_small():
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["kycrisk"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "password" not in json.dumps(service["environment"]).lower()


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda unit: unit.name)
def test_units_call_what_there_is_and_are_hardened(unit):
    said = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
    program, *arguments = said["ExecStart"].replace("%i", "8081").split()
    assert program == "/opt/kycrisk/bin/kycrisk"
    found = CliRunner().invoke(app, [*arguments, "--help"])
    assert found.exit_code == 0, found.output
    assert {name: said.get(name) for name in HARDENED} == HARDENED


def test_spans_name_routes_and_continue_the_caller_s_trace(api):
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def body(api):
        traced_app = make_app(api.service, Tracing(provider.get_tracer("tests")))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(traced_app), base_url="http://kycrisk.test"
        ) as client:
            traced = Api(api.service, client, api.token)
            decision = (await traced.screen(headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})).json()
            await traced.ask("GET", "/v1/accounts/a-1")
        screening, account = exported.get_finished_spans()
        assert (screening.name, account.name) == ("POST /v1/screenings", "GET /v1/accounts/{account_id}")
        assert f"{screening.context.trace_id:032x}" == trace
        assert screening.attributes["kycrisk.decision"] == decision["id"]
        assert screening.attributes["http.response.status_code"] == 201
        assert "a-1" not in str(account.attributes) + account.name

    api(body)


def test_spans_go_nowhere_where_nobody_asked_for_them():
    assert tracing_of({}, "1") is NO_TRACING
    assert tracing_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "1").on


def test_a_body_that_does_not_come_in_time(api):
    async def body(api):
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/screenings",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"authorization", f"Bearer {api.token}".encode()),
                (b"content-type", b"application/json"),
                (b"kycrisk-deadline-ms", b"60"),
            ],
        }
        sent, parts = [], iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive():
            for part in parts:
                return part
            await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await make_app(api.service)(scope, receive, send)
        assert sent[0]["status"] == 408
        assert json.loads(sent[1]["body"])["type"] == "https://kycrisk.invalid/problems/body-too-slow"

    api(body)
