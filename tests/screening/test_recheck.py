"""The recheck list: who waits for a source, and who does not any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kycrisk.decision import Decision, Undetermined
from kycrisk.outcome import Outcome
from kycrisk.screening.recheck import Recheck, RecheckFile, read_rechecks, waiting_for
from kycrisk.signals import Evidence, Origin, Unknown, Why

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ORIGINS = {"mail.accepts": Origin("mail"), "dnsbl.spamcop": Origin("spamcop")}


def decision(account: str, *missing: tuple[str, Why], settled: bool = False, at: datetime = NOW) -> Decision:
    whys = {signal: Unknown(why) for signal, why in missing}
    return Decision(
        id=f"dec-{account}-{at:%H%M}",
        account_id=account,
        outcome=Outcome.ALLOW,
        score=0,
        settled=settled,
        lowest=Outcome.ALLOW,
        highest=Outcome.ALLOW if settled else Outcome.VERIFY,
        lowest_score=0,
        highest_score=0,
        reasons=(),
        undetermined=(Undetermined("rule", "a rule", "+45", whys),) if whys else (),
        exempt=(),
        shadow=(),
        evidence=Evidence({}, whys, ORIGINS),
        ruleset="sha256:test",
        decided_at=at,
    )


@pytest.mark.parametrize(
    ("made", "sources"),
    [
        pytest.param(decision("a", ("mail.accepts", Why.TIMEOUT)), ("mail",), id="a source was silent"),
        pytest.param(
            decision("a", ("mail.accepts", Why.REFUSED), ("dnsbl.spamcop", Why.CIRCUIT_OPEN)),
            ("mail", "spamcop"),
            id="two were",
        ),
        pytest.param(decision("a", ("mail.accepts", Why.NOT_CONFIGURED)), (), id="waiting would not help"),
        pytest.param(decision("a", ("mail.accepts", Why.TIMEOUT), settled=True), (), id="settled all the same"),
    ],
)
def test_who_waits_for_whom(made, sources):
    assert waiting_for(made) == sources


def test_the_list_outlives_the_program(tmp_path):
    path = tmp_path / "state" / "recheck.jsonl"
    kept = RecheckFile(path)
    kept.note(decision("a", ("mail.accepts", Why.TIMEOUT)))
    kept.note(decision("b", ("dnsbl.spamcop", Why.REFUSED), at=NOW - timedelta(hours=1)))
    kept.note(decision("c", settled=True))
    kept.note(decision("a", ("mail.accepts", Why.TIMEOUT), at=NOW + timedelta(hours=1)))
    waiting = [
        Recheck("b", "dec-b-1100", NOW - timedelta(hours=1), ("spamcop",)),
        Recheck("a", "dec-a-1300", NOW, ("mail",)),  # since the first of its decisions
    ]
    assert kept.entries() == waiting
    kept.close()
    again = RecheckFile(path)
    assert again.entries() == waiting
    again.note(decision("b", settled=True))
    again.close()
    assert read_rechecks(path) == waiting[1:]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_off_is_passed_over(tmp_path):
    path = tmp_path / "recheck.jsonl"
    kept = RecheckFile(path)
    kept.note(decision("a", ("mail.accepts", Why.TIMEOUT)))
    kept.close()
    path.write_bytes(path.read_bytes() + b'{"account_id": "b", "since"')
    assert [each.account_id for each in read_rechecks(path)] == ["a"]


def test_nobody_waits_where_there_is_no_file(tmp_path):
    assert read_rechecks(tmp_path / "none.jsonl") == []
