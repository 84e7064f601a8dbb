"""The contract that is told is the one that is kept: schemathesis asks whatever it allows, and more."""

import os
import re
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks as every_check
from schemathesis.specs.openapi import checks as openapi_checks

from kycrisk.api.problem import Kind
from kycrisk.service_settings import LimitsForm, ServiceForm
from kycrisk.settings import SettingsForm

pytestmark = pytest.mark.heavy

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = {"quick": 4, "thorough": 40, "soak": 200}[os.environ.get("KYCRISK_TEST_PROFILE", "quick")]
#: What is asked of every answer: no 5xx, nothing that the contract does not tell of, and bodies as it tells them.
ASKED = [
    every_check.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_every_problem_is_documented_and_no_other():
    page = (DOCS / "api.md").read_text()
    told = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", page, re.MULTILINE)
    assert told == [(kind.slug, str(kind.status)) for kind in Kind]


def test_every_setting_of_the_service_is_documented():
    page = (DOCS / "settings.md").read_text()
    names = [f"service.{name}" for name in ServiceForm.model_fields if name != "limits"]
    names += [f"service.limits.{name}" for name in LimitsForm.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert "service" in SettingsForm.model_fields


def test_every_path_is_documented(api):
    async def body(api):
        page = (DOCS / "api.md").read_text()
        contract = (await api.client.get("/v1/openapi.json")).json()
        missing = [
            f"{method.upper()} {path}"
            for path, operations in contract["paths"].items()
            for method in operations
            if f"{method.upper()} {path}" not in page
        ]
        assert missing == []
        examples = contract["components"]["schemas"]["Signup"]["examples"]
        answered = await api.screen(examples[0])
        assert answered.status_code == 201

    api(body)


def test_schemathesis_finds_nothing(server):
    with server.running() as (_, (host, port)):
        base, token = f"http://{host}:{port}", server.key("screen", "read", "lists", "rules", "admin")
        contract = httpx.get(f"{base}/v1/openapi.json").json()
        del contract["paths"]["/v1/screenings/batch"]  # JSON lines, which it cannot make; test_screenings.py does
        schema = schemathesis.openapi.from_dict(contract)
        asked = 0
        for result in schema.get_all_operations():

            def ask(case):
                nonlocal asked
                asked += 1
                answered = case.call(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=120)
                case.validate_response(answered, checks=ASKED)

            operation = result.ok()
            settings(parent=MANY)(given(case=operation.as_strategy())(ask))()
        assert asked >= len(contract["paths"])
