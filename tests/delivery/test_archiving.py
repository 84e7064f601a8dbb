"""The decisions' copy is brought in step by a process of its own."""

import asyncio
import json
import logging

import pytest

from kycrisk.delivery.archiving import update_archive
from kycrisk.settings import read_settings
from kycrisk.store.sealing import make_site_key
from kycrisk.store.store import Store
from tests.backtest.making import maker


@pytest.fixture
def site(tmp_path, url):
    """A working folder whose store, on either database, holds two decisions."""
    (tmp_path / "kycrisk.yaml").write_text("offline: true\n")
    settings = read_settings(tmp_path, environ={"KYCRISK_DATABASE": url})

    async def fill():
        site_key = make_site_key(settings.site_key)
        async with await Store.open(url, site_key=site_key, upgrade_tables=True) as store:
            make = maker()
            for account in ("a-1", "a-2"):
                await store.decisions.add(make.screening(account))

    asyncio.run(fill())
    return settings


def test_the_copy_is_brought_in_step(site, caplog):
    caplog.set_level(logging.INFO)
    asyncio.run(update_archive(site))
    manifest = json.loads((site.archive / "manifest.json").read_text())
    assert [each["rows"] for each in manifest["segments"]] == [2]
    assert [record.levelname for record in caplog.records if record.name == "kycrisk.delivery.archiving"] == ["INFO"]
    assert "2 decisions added; 2 in 1 segment" in caplog.text


@pytest.mark.heavy
def test_what_goes_wrong_is_told(site, caplog):
    site.site_key.write_text("0" * 64)
    asyncio.run(update_archive(site))
    [told] = [record for record in caplog.records if record.name == "kycrisk.delivery.archiving"]
    assert told.levelname == "ERROR"
    assert "was written with another site key" in told.getMessage()
