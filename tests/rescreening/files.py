"""Files of accounts: facts and raw signups, some of them odd, some refused."""

import random
from datetime import UTC, datetime

import polars as pl

from kycrisk.normal.ip import normal_ip
from kycrisk.ruleset.columns.values import packed
from tests.rescreening.making import signup

OUTCOMES = ("allow", "review", "verify", "deny", None)


def write_facts(path, count, *, seed=1):
    """Accounts by the facts that an earlier run told, and what was decided then."""
    source = random.Random(seed)
    rows = [signup(number) for number in range(count)]
    pl.DataFrame(
        {
            "account_id": [each["account_id"] for each in rows],
            "email.domain": [each["email"].partition("@")[2] for each in rows],
            "ip.address": pl.Series([packed(normal_ip(each["ip"])) for each in rows], dtype=pl.Binary),
            "signup.seats": [each["attributes"]["seats"] for each in rows],
            "outcome": [source.choice(OUTCOMES) for _ in rows],
        }
    ).write_parquet(path)
    return path


def write_signups(path, count):
    """Raw signups; every eleventh has an address that is none, every seventh a mailbox that is thrown away."""
    rows = [signup(number) for number in range(count)]
    pl.DataFrame(
        {
            "account_id": [each["account_id"] for each in rows],
            "email": [each["email"] if number % 7 else f"u{number}@trash.example" for number, each in enumerate(rows)],
            "ip": [each["ip"] if number % 11 else "nonsense" for number, each in enumerate(rows)],
            "attributes.seats": [each["attributes"]["seats"] for each in rows],
            "submitted_at": pl.Series([datetime(2026, 11, 1, tzinfo=UTC)] * count),
            "outcome": ["allow"] * count,
        }
    ).write_parquet(path)
    return path
