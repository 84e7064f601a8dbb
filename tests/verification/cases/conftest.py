"""Cases are tested on both databases, with the shipped procedures and a clock that is moved by hand."""

import asyncio
import secrets
import shutil
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from kycrisk.shipped import shipped
from kycrisk.store.store import Store
from kycrisk.store.upgrade import upgrade
from kycrisk.verification.cases import Cases
from kycrisk.verification.filling import NewPaper
from kycrisk.verification.opening import CaseOpener
from kycrisk.verification.policies import policy_files, read_policies
from kycrisk.verification.policy import StepKind
from kycrisk.verification.site import Site
from kycrisk.verification.state import Trigger
from kycrisk.verification.sweep import sweep
from tests.store.conftest import KEY, clock, opened, postgresql
from tests.store.making import Maker, read_rules

__all__ = ["clock", "opened", "postgresql"]

SHIPPED = read_policies(policy_files(shipped("rules")))
PERSON = {
    "first_name": "Jane",
    "last_name": "Doe",
    "date_of_birth": "1990-12-31",
    "street": "1 Main Street",
    "city": "Bern",
    "postal_code": "3000",
    "country": "CH",
    "email": "jane@acme.example",
    "phone": "+41 79 123 45 67",
}
CONSENT = {"text_version": "consent-1", "address": "192.0.2.7"}


#: What `make test` runs on PostgreSQL as well; the rest does so with the heavy tests.
ON_BOTH = (
    "test_races.py",
    "test_the_whole_way",
    "test_72_hours",
    "test_orders_are_held_back",
    "test_a_refresh_case_stands",
)


def pytest_collection_modifyitems(items):
    for item in items:
        mine = "verification/cases" in str(item.path) and "postgresql" in item.name
        if mine and not any(each in f"{item.path.name}::{item.name}" for each in ON_BOTH):
            item.add_marker(pytest.mark.heavy)


@pytest.fixture(scope="session")
def file_with_tables(tmp_path_factory):
    """A database of SQLite with its tables, to be copied: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def database_with_tables(postgresql):
    """The same on PostgreSQL, where a database can be the template of others."""
    name = f"template_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(postgresql.get_uri(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A new database with its tables, and nothing in them."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("file_with_tables"), tmp_path / "store.db")
        yield f"sqlite:///{tmp_path}/store.db"
        return
    server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("database_with_tables")
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.get_uri(name)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


class Office:
    """A site's cases for one test, and short ways to what most tests need."""

    def __init__(self, store: Store, clock, chosen: str, policies=SHIPPED, **more):
        self.store, self.clock = store, clock
        self.site = Site(store=store, key=KEY, policies=policies, chosen=chosen, clock=clock, **more)
        self.cases = Cases(self.site)

    def choosing(self, chosen):
        return Office(self.store, self.clock, chosen, self.site.policies)  # the same cases, opened by another one

    def changed(self, **values):
        """The same with a changed procedure."""
        policy = replace(self.site.policy, **values)
        policies = replace(self.site.policies, by_id={**self.site.policies.by_id, policy.id: policy})
        return Office(self.store, self.clock, policy.id, policies, put_label=self.site.put_label)

    async def open(self, account="a-1", trigger=Trigger.SELF_REQUEST, **more):
        return (await self.cases.open(account, trigger, actor="tests", **more)).case

    async def sweep(self, **later):
        self.clock.now += timedelta(**later)
        return await sweep(self.site)

    async def collecting(self, account="a-1", trigger=Trigger.SELF_REQUEST, **more):
        case = await self.open(account, trigger, **more)
        return await self.cases.start(case.id, **CONSENT)

    async def paper(self, case, category="identity", type_="passport", side="front", country="CH", source="upload"):
        new = NewPaper(
            category=category, type=type_, side=side, country=country, source=source, file=f"file-{category}-{side}"
        )
        return await self.cases.keep_paper(case.id, new)

    async def filled(self, account="a-1", trigger=Trigger.SELF_REQUEST, **more):
        """A case with every step done, not submitted."""
        case = await self.collecting(account, trigger, **more)
        file = await self.cases.get(case.id)
        for each in file.progress.steps:
            await self._do(case, each.step, file.policy)
        return (await self.cases.get(case.id)).case

    async def _do(self, case, step, policy):
        match step.kind:
            case StepKind.COUNTRY:
                await self.cases.enter_country(case.id, "CH")
            case StepKind.PERSONAL_DATA:
                more = {"nationality": "CH", "house_number": "1", "region": "BE", "company": "Acme", "position": "CEO"}
                known = {**PERSON, **more, "registration_number": "CHE-1"}
                asked = step.fields_of(case.subject)
                await self.cases.enter_personal_data(case.id, {name: known[name] for name in asked})
            case StepKind.DOCUMENT if policy.provider == "manual":
                type_ = step.any_of[0]
                for side in step.sides[type_]:
                    await self.paper(case, step.category, type_, side)
            case StepKind.DOCUMENT:
                await self.cases.choose_document(case.id, step.category, step.any_of[0], "CH")
            case StepKind.SELFIE if policy.provider == "manual":
                for pose in range(step.poses):
                    await self.paper(case, "selfie", "selfie", f"pose-{pose}", source="camera")
            case StepKind.PHONE | StepKind.EMAIL:
                await self.cases.proved(case.id, step.kind, "+41791234567")
            case StepKind.ATTESTATION:
                await self.cases.attest(case.id, text_version="attestation-1")
            case StepKind.CONFIRM:
                await self.cases.confirm(case.id)

    async def submitted(self, account="a-1", trigger=Trigger.SELF_REQUEST, **more):
        case = await self.filled(account, trigger, **more)
        if self.site.policy.provider != "manual":
            await self.cases.begin_attempt(case.id, self.site.policy.provider, f"scan-of-{case.id}")
        return await self.cases.submit(case.id)

    def opener(self):
        return CaseOpener(self.site.policies, self.site.policy)

    async def audited(self, subject):
        page = await self.store.audit.page(subject=subject, limit=1000)
        return [each.action for each in page.items]


@pytest.fixture
def office(opened, clock):
    """Runs a test's coroutine function with the office of a procedure."""

    def run_(body, chosen="spacecore", **more):
        async def go():
            async with await opened() as store:
                return await body(Office(store, clock, chosen, **more))

        return asyncio.run(go())

    return run_
