"""Procedures: the shipped four, and what is said of files that are wrong."""

import pytest
from typer.testing import CliRunner

from kycrisk.cli import app
from kycrisk.problems import Problems
from kycrisk.shipped import shipped
from kycrisk.verification.policies import policy_files, read_policies
from kycrisk.verification.policy import Mode, Subject
from kycrisk.verification.state import State, Trigger
from tests.verification.cases.conftest import SHIPPED

GOOD = """\
verification:
  id: mine
  title: Mine
  opens_on: [risk_flag]
  steps:
    - consent
    - document: {any_of: [passport, id_card]}
  deadline: {within: 72h, reminders: [24h, 48h]}
"""

STACKBILL = "consent, personal_data, document identity, document address"

#: name, what of the good file is replaced by what, and all that is said.
BAD = [
    ("unknown key", "  title: Mine", "  title: Mine\n  polcy: 1", ["m.yaml:4:3: unknown key `polcy`"]),
    ("missing key", "  title: Mine\n", "", ["m.yaml:2:3: there is no `title`"]),
    ("unknown reason", "[risk_flag]", "[riskflag]", ["m.yaml:4:14: `riskflag` is no reason to open a case"]),
    ("unknown step", "- consent", "- consentt", ["m.yaml:6:7: `consentt` is no step"]),
    (
        "two names in a step",
        "- document: {any_of: [passport, id_card]}",
        "- {document: {any_of: [passport]}, selfie: {}}",
        ["m.yaml:7:7: a step has one name"],
    ),
    (
        "unknown document",
        "[passport, id_card]",
        "[passport, idcard]",
        ["m.yaml:7:37: `idcard` is no type of document"],
    ),
    (
        "document without types",
        "- document: {any_of: [passport, id_card]}",
        "- document",
        ["m.yaml:7:7: there is no `any_of`"],
    ),
    ("no consent", "    - consent\n", "", ["m.yaml:6:5: the first step of a person is `document`"]),
    (
        "steps after confirm",
        "    - consent\n",
        "    - consent\n    - confirm\n",
        ["m.yaml:6:5: a step follows `confirm`"],
    ),
    (
        "a step twice",
        "    - consent\n",
        "    - consent\n    - selfie\n    - selfie\n",
        ["m.yaml:6:5: a person is asked for `selfie` 2 times"],
    ),
    ("no duration", "72h", "72", ["m.yaml:8:22: `72` is not a duration such as `72h`"]),
    (
        "a reminder that is too late",
        "[24h, 48h]",
        "[24h, 80h]",
        ["m.yaml:8:44: the reminder after 3d8h comes when the deadline is over"],
    ),
    (
        "reminders out of order",
        "[24h, 48h]",
        "[48h, 24h]",
        ["m.yaml:8:44: the reminder after 1d does not come after the one before"],
    ),
    ("an unknown hold", "72h,", "72h, then: {hold: [order]},", ["m.yaml:8:41: `order` cannot be held back"]),
    (
        "an unknown level",
        "  title: Mine",
        "  title: Mine\n  required_level: gold",
        ["m.yaml:4:19: there is no level `gold`"],
    ),
    (
        "a gate's level",
        "  title: Mine",
        "  title: Mine\n  gates: {features: {pay: gold}}",
        ["m.yaml:4:27: there is no level `gold`"],
    ),
    (
        "a country's document",
        "[passport, id_card]}",
        "[passport], countries: {DE: [id_card]}}",
        ["m.yaml:7:54: `id_card` is taken in DE, and does not stand in `any_of`"],
    ),
    (
        "no country",
        "[passport, id_card]}",
        "[passport], countries: {XX: [passport]}}",
        ["m.yaml:7:54: `XX` is not a country such as `DE`"],
    ),
    (
        "abuse without holds",
        "[risk_flag]",
        "[abuse_event]",
        ["m.yaml:4:13: `abuse_event` opens a case, and nothing says what it holds back"],
    ),
    ("an unknown label", "  title: Mine", "  title: Mine\n  labels: {done: Done}", ["m.yaml:4:18: `done` is no state"]),
    (
        "an empty refresh",
        "  title: Mine",
        "  title: Mine\n  refresh: {}",
        ["m.yaml:4:12: nothing says when to refresh"],
    ),
    (
        "steps and levels",
        "  deadline:",
        "  levels: {a: {steps: [consent]}}\n  deadline:",
        ["m.yaml:8:11: there are `steps` and `levels`"],
    ),
    ("another section", "verification:", "procedure: {}\nverification:", ["m.yaml:1:1: unknown key `procedure`"]),
    ("nothing", GOOD, "", ["m.yaml: there is no `verification` with keys below it"]),
    ("no YAML", "[risk_flag]", "[risk_flag", ["m.yaml:5:8: a `,` or `]` is missing in the list (it opens on line 4)"]),
    (
        "all at once",
        "  opens_on: [risk_flag]\n  steps:\n    - consent\n",
        "  opens_on: [never]\n  attempts: 0\n  steps:\n    - what\n",
        [
            "m.yaml:4:14: `never` is no reason to open a case",
            "m.yaml:5:13: `attempts` input should be greater than or equal to 1",
            "m.yaml:7:7: `what` is no step",
        ],
    ),
]


def problems_of(folder, text):
    path = folder / "m.yaml"
    path.write_text(text)
    with pytest.raises(Problems) as wrong:
        read_policies([path])
    return wrong.value.problems


@pytest.mark.parametrize(("before", "after", "said"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_what_is_wrong_is_said_with_its_place(tmp_path, before, after, said):
    assert before in GOOD
    found = problems_of(tmp_path, GOOD.replace(before, after, 1))
    assert [str(each).replace(f"{tmp_path}/", "") for each in found] == said


def test_every_problem_has_help_or_says_it_itself(tmp_path):
    found = [each for row in BAD for each in problems_of(tmp_path, GOOD.replace(row[1], row[2], 1))]
    assert [str(each) for each in found if not each.help and "there is no" not in each.message] == [
        str(each) for each in found if "input should be" in each.message or "is not a duration" in each.message
    ]


def test_two_files_cannot_have_one_id(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GOOD)
    with pytest.raises(Problems, match="there are two procedures `mine`"):
        read_policies(sorted(tmp_path.glob("*.yaml")))


def test_the_exempt_rules_are_rules(tmp_path):
    (tmp_path / "m.yaml").write_text(GOOD + "  on_verified: {exempt: [tor-exitt]}\n")
    with pytest.raises(Problems, match="did you mean `tor-exit`"):
        read_policies([tmp_path / "m.yaml"], rules=["tor-exit"])


def test_the_shipped_ones_pass_check():
    for paths in (["rules"], ["rules/verification"], ["rules/verification/spacecore.yaml"]):
        done = CliRunner().invoke(app, ["check", *(str(shipped(each)) for each in paths)])
        assert (done.exit_code, done.output) == (0, "")


def test_check_tells_of_a_procedure(tmp_path):
    (tmp_path / "verification").mkdir()
    path = tmp_path / "verification" / "m.yaml"
    path.write_text(GOOD.replace("72h", "soon"))
    (tmp_path / "policy.yaml").write_text("policy: {bands: {review: 40, verify: 70, deny: 150}}\n")
    for named in (path, path.parent, tmp_path):
        done = CliRunner().invoke(app, ["check", str(named)])
        assert (done.exit_code, "m.yaml:8:22: `soon` is not a duration" in done.output) == (1, True)


def test_there_are_four():
    assert sorted(SHIPPED.by_id) == ["binance", "hostkey", "spacecore", "stackbill"]
    assert len(policy_files(shipped("rules"))) == 4


@pytest.mark.row("B1", "B5", "H14", "Q2", "Q3")
@pytest.mark.parametrize(
    ("policy", "subject", "level", "steps"),
    [
        ("spacecore", "person", "verified", "consent, country, document identity, selfie"),
        (
            "stackbill",
            "person",
            "verified",
            "consent, personal_data, document identity, document address, attestation, confirm",
        ),
        (
            "stackbill",
            "company",
            "verified",
            f"{STACKBILL}, document registration, attestation, confirm",
        ),
        (
            "hostkey",
            "person",
            "verified",
            "consent, personal_data, document identity, selfie, phone, email, attestation, confirm",
        ),
        ("binance", "person", "basic", "consent, country, personal_data"),
        ("binance", "person", "intermediate", "consent, country, personal_data, document identity, selfie, confirm"),
    ],
)
def test_the_steps_of_the_procedures(policy, subject, level, steps):
    found = SHIPPED.by_id[policy].steps(level, Subject(subject))
    assert ", ".join(each.name for each in found) == steps


@pytest.mark.row("B11", "B13", "Q15", "B4")
@pytest.mark.parametrize(
    ("policy", "state", "label"),
    [
        ("spacecore", "submitted", "Pending"),
        ("stackbill", "open", "Not started"),
        ("stackbill", "in_review", "Pending"),
        ("stackbill", "verified", "Completed"),
        ("binance", "open", "Verify now"),
        ("binance", "verified", "Verified"),
        ("hostkey", "open", "Start KYC verification"),
    ],
)
def test_labels_are_views_of_the_state(policy, state, label):
    assert SHIPPED.by_id[policy].labels[State(state)].text == label


@pytest.mark.row("H9")
def test_a_refresh_may_only_ask_for_a_confirmation():
    steps = SHIPPED.by_id["hostkey"].steps("verified", Subject.PERSON, Mode.CONFIRM_ONLY)
    assert [each.name for each in steps] == ["consent", "personal_data", "attestation", "confirm"]


def test_each_reason_may_have_its_own_deadline():
    hostkey = SHIPPED.by_id["hostkey"]
    days = {
        trigger: hostkey.deadline_of(Trigger(trigger)).within.days for trigger in ("mandatory", "risk_flag", "refresh")
    }
    assert days == {"mandatory": 30, "risk_flag": 3, "refresh": 90}
