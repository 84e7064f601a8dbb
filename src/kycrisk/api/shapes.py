"""The bodies that requests bring, and what OpenAPI tells of the answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^\P{Cc}*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[\P{Cc}\r\n\t]*$")]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Items(BaseModel):
    """A page of a list; `next` is the cursor of the page behind it, empty where there is none."""

    items: list[dict[str, Any]]
    next: str = ""


class Entry(Form):
    """An entry of a list. `who` decided it, `why`; `until` when it counts, for good where that is left out."""

    value: Line
    who: Words = ""
    why: Words = ""
    until: AwareDatetime | None = None

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "value": "192.0.2.0/24",
                    "who": "Kim, abuse desk",
                    "why": "chargebacks",
                    "until": "2027-01-31T00:00:00Z",
                }
            ]
        },
    )


class NewExemption(Form):
    """A rule silenced for one subject until a date."""

    rule: Line
    subject: Annotated[str, Field(pattern="^(account|email|domain|ip)$", description="what `value` names")]
    value: Line
    who: Words = ""
    why: Words = ""
    until: AwareDatetime

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "rule": "vpn",
                    "subject": "account",
                    "value": "a-1042",
                    "until": "2027-01-31T00:00:00Z",
                    "why": "known customer",
                }
            ]
        },
    )


class Files(Form):
    """Rule files by their names, as they lie in the folder `rules/`."""

    files: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.yaml$")], str],
        Field(min_length=1, max_length=200),
    ]


class Draft(Files):
    """A new version of the rules, to be approved by somebody else."""

    note: Words = ""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "files": {
                        "policy.yaml": "policy: {bands: {review: 40, verify: 70, deny: 150}}\n",
                        "tor.yaml": "rules: [{id: tor, title: Tor, when: ip.tor_exit, score: 45, reason: Tor}]\n",
                    },
                    "note": "a first version",
                }
            ]
        },
    )


class RuleStatus(Form):
    """How far a rule is to come: `live` counts, `shadow` is evaluated and reported only."""

    status: Annotated[str, Field(pattern="^(live|shadow)$")]


class FeedsWanted(Form):
    """Which lists are brought up to date: those named, or all that are due; with `force` those that are not, too."""

    names: Annotated[list[Line], Field(max_length=500)] = []
    force: bool = False


class NewLabel(Form):
    """What an account turned out to be; `withdrawn` takes the label before back. `at` is when it became known."""

    label: Annotated[str, Field(pattern="^(fraud|legitimate|withdrawn)$")]
    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,99}$", description="as in `chargeback`")] = "api"
    at: AwareDatetime | None = Field(default=None, description="now where it is left out")
    who: Words = ""
    why: Words = ""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"label": "fraud", "source": "chargeback", "at": "2026-11-20T00:00:00Z", "why": "case 1042"}]
        },
    )


class Held(Form):
    """Why a held version of a list is released or refused, and by whom. `sha256`, or how it begins, says which one."""

    why: Line
    who: Words = ""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")] = ""


class Erasure(Form):
    """Why personal data is erased; it stands in the audit log, so it names nobody. `leave`: also while a panel or a
    provider cannot be told; the answer names what is left there."""

    why: Line
    leave: bool = False
