"""Procedures are read anew while the service runs: all of them or none, and every case names the version it used."""

import asyncio
import hashlib

import pytest

from kycrisk.shipped import shipped
from tests.api.conftest import api, folder
from tests.verification.cases.test_api import ask, opened

__all__ = ["api", "ask", "folder"]

HOSTKEY = (shipped("rules/verification") / "hostkey.yaml").read_text()
LONGER = HOSTKEY.replace("    - consent\n", "    - consent\n    - country\n")
BROKEN = {
    "a step that is none": (HOSTKEY.replace("    - consent\n", "    - consnt\n"), "`consnt` is no step"),
    "no YAML": ("verification: [", "hostkey.yaml"),
    "another id": (HOSTKEY.replace("id: hostkey", "id: other"), "there is no procedure `hostkey`"),
}


def save(folder, text):
    path = folder / "rules" / "verification" / "hostkey.yaml"
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


async def told(api, path):
    found = (await api.ask("GET", path)).json()
    return found["policy_version"], [each["step"] for each in found["steps"][:2]]


def test_a_newer_procedure_is_followed_and_named(ask, folder):
    assert LONGER != HOSTKEY

    async def body(api):
        path = (await opened(api)).headers["Location"]
        before = await told(api, path)
        newer = save(folder, LONGER)
        failed = await api.service.standings.reload()
        seen = await told(api, path)
        await api.ask("POST", f"{path}/start", {"text_version": "1"})
        used = await told(api, path)
        another = await api.ask("POST", "/v1/cases", {"account_id": "a-2", "trigger": "mandatory"})
        await api.screen({"account_id": "a-3"})  # and by those that screenings open
        screened = (await api.ask("GET", "/v1/cases?account_id=a-3")).json()["items"]
        page = await api.service.store.audit.page(subject=path.rpartition("/")[2], limit=100)
        audited = [each.details["policy_version"] for each in page.items if "policy_version" in each.details]
        versions = [another.json()["policy_version"], screened[0]["policy_version"]]
        return failed, newer, before, seen, used, versions, audited

    failed, newer, before, seen, used, versions, audited = ask(body)
    older = before[0]
    assert failed is None
    assert before[1] == ["consent", "personal_data"]
    assert seen == (older, ["consent", "country"])
    assert used == (newer, ["consent", "country"])
    assert versions == [newer, newer]
    assert sorted(audited) == sorted([older, newer])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_procedure_never_reaches_a_case(ask, folder, name):
    text, words = BROKEN[name]

    async def body(api):
        path = (await opened(api)).headers["Location"]
        before = await told(api, path)
        save(folder, text)
        failed = await api.service.standings.reload()
        after = await told(api, path)
        started = await api.ask("POST", f"{path}/start", {"text_version": "1"})
        refused = "kycrisk_reload_refused 1.0" in (await api.ask("GET", "/metrics")).text
        save(folder, HOSTKEY)
        good = await api.service.standings.reload()
        return before == after, started.status_code, str(failed.problems), refused, good

    same, status, problems, refused, good = ask(body)
    assert (same, status, refused, good) == (True, 200, True, None)
    assert words in problems


@pytest.mark.by_the_clock
def test_a_saved_file_is_noticed(ask, folder):
    async def body(api):
        path = (await opened(api)).headers["Location"]
        save(folder, LONGER)
        async with asyncio.timeout(60):
            while (await told(api, path))[1] != ["consent", "country"]:
                await asyncio.sleep(0.1)

    ask(body)
