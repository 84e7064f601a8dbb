"""After a whole verification by people: nothing of the customer, and no secret, lies in the database or on the disk."""

import asyncio
import base64
import re

import psycopg
import pytest
from psycopg import sql

from kycrisk.cli.folder import shipped_files
from kycrisk.store.api_keys import NewKey
from tests.procedures import customer
from tests.procedures.world import IDENFY, PANEL_SECRET, PORTAL_SECRET, world
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]

EMAIL = "anna@host.example"
WORDS = (
    "Eriksson",
    "ERIKSSON",
    "Main Street",
    "1974-08-12",
    "791234567",
    EMAIL,
    "L898902C3",
    "Is this the right page?",
)


async def dump(settings):
    """All bytes of the state folder, and of PostgreSQL's tables as text, where bytes are hexadecimal."""
    found = [each.read_bytes() for each in sorted(settings.state.rglob("*")) if each.is_file()]
    if settings.database.startswith("postgresql"):
        dsn = settings.database.replace("postgresql+psycopg:", "postgresql:")
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            tables = await (await connection.execute("SELECT schemaname, tablename FROM pg_tables")).fetchall()
            for schema, table in tables:
                if schema in ("pg_catalog", "information_schema"):
                    continue
                rows = await connection.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
                )
                found += [row.encode() for (row,) in await rows.fetchall()]
    return b"\n".join(found)


def forms(raw):
    """The bytes as they are, and as text would hold them."""
    return {raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}


def lying_there(stored, needles):
    return [each for each in needles if any(form in stored for form in forms(each))]


async def verified(w):
    """HOSTKEY's steps to an approval; what must not be found, and the codes."""
    browser = await w.customer("h-1")
    secrets = [value for _, value in browser.client.cookies.items()]
    await customer.data(browser, email=EMAIL)
    pictures = [customer.picture(), customer.picture("card_front", 5)]
    await customer.document(browser, "passport", raws={"front": pictures[0]})
    await browser.send("/verify/hand-off", way="copy")
    secrets.append(browser.link(f"{w.url}/h/").rsplit("/", 1)[1])
    await browser.get("/verify")
    await customer.selfie(browser)
    await customer.phone(w, browser)
    await customer.email(w, browser, EMAIL)
    codes = [w.code_from(w.texts.sent[-1][1]), w.code_from(w.mail.to(EMAIL)[-1][1])]
    await customer.attest(browser)
    await browser.send("/verify/help", message="Is this the right page?", ticket="1")
    await browser.get("/verify")
    await browser.send("/verify/confirm")
    await browser.send("/verify/submit")
    case = (await w.case("h-1"))["id"]
    key = (await w.service.store.api_keys.issue(NewKey(name="hank", scopes=("review",), by="tests"))).token
    reviewer = await w.browser().send("/review/login", key=key)
    await reviewer.get(f"/review/cases/{case}")
    shown = await reviewer.client.get(reviewer.link(f"/review/cases/{case}/pictures/"))
    document = re.search(r"/documents/(doc_\w+)/zone", reviewer.page.text)[1]
    zone = "\n".join(customer.pictures.ZONES["passport"])
    await reviewer.send(f"/review/cases/{case}/documents/{document}/zone", zone=zone)
    before = await dump(w.service.settings)
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(f"/review/cases/{case}/decision", verdict="approve", document_expires="2040-01-01")
    await w.settle()
    state = (await w.case("h-1"))["state"]
    secrets += [key, PANEL_SECRET, PORTAL_SECRET, *IDENFY.values()]
    pieces = [raw[at : at + 24] for raw in (*pictures, shown.content) for at in (0, 2_000, len(raw) // 2)]
    needles = [*pieces, *(each.encode() for each in (*secrets, *WORDS))]
    return case, state, codes, needles, before, await dump(w.service.settings)


@pytest.mark.heavy
@pytest.mark.row("S4")
def test_nothing_lies_in_the_clear(tmp_path, url):
    async def go():
        for relative, content in shipped_files():
            (tmp_path / relative).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / relative).write_bytes(content)
        more = "" if url.startswith("sqlite") else f'database: "{url}"\n'
        async with world(tmp_path, "hostkey", more) as w:
            return await verified(w)

    case, state, codes, needles, before, after = asyncio.run(go())
    assert state == "verified"
    assert len(needles) == 25
    for stored in (before, after):
        assert case.encode() in stored  # so this is where things lie
        assert lying_there(stored, needles) == []
        assert [each for each in codes if re.search(rb"(?<![0-9.])" + each.encode() + rb"(?![0-9])", stored)] == []
