"""The bodies that requests about cases bring."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from kycrisk.api.shapes import Form, Line, Words
from kycrisk.verification.policy import Subject
from kycrisk.verification.state import Trigger

AccountId = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(pattern=r"^[A-Z_]{2,40}(\([a-z_]{1,40}\))?$")]
#: What an operator asks for; a decision, the clock and an abuse report open cases in ways of their own.
_ASKED = tuple(each.value for each in Trigger if each not in (Trigger.REFRESH, Trigger.ABUSE_EVENT))


class NewCase(Form):
    """An account that is to verify itself. `reference`: the same is heard once. `registered_at`: when it signed up."""

    account_id: AccountId
    trigger: Annotated[str, Field(pattern=f"^({'|'.join(_ASKED)})$")]
    reference: Annotated[str, Field(max_length=200)] = ""
    level: Annotated[str, Field(max_length=40)] = ""
    subject: Annotated[str, Field(pattern=f"^({'|'.join(Subject)})$")] = "person"
    registered_at: AwareDatetime | None = None

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"account_id": "a-1042", "trigger": "tos_violation", "reference": "abuse-77"}]},
    )


class Consent(Form):
    """Which consent the customer was shown and has given, and from which address; empty when it was given before."""

    text_version: Annotated[str, Field(max_length=100)] = ""
    address: Annotated[str, Field(max_length=60)] = ""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text_version": "2026-11", "address": "192.0.2.7"}]}
    )


class Country(Form):
    """Where the customer lives, by ISO 3166."""

    country: Annotated[str, Field(max_length=10)]

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"country": "CH"}]})


class PersonalDataEntry(Form):
    """What the customer entered; which fields are asked for is the procedure's."""

    values: Annotated[dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=500)]], Field()]

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"values": {"first_name": "Jane", "last_name": "Doe", "city": "Bern"}}]},
    )


class DocumentChoice(Form):
    """The kind of document that the customer will show to the provider."""

    category: Annotated[str, Field(max_length=40)] = "identity"
    type: Annotated[str, Field(max_length=40)]
    country: Annotated[str, Field(max_length=10)]

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"type": "passport", "country": "CH"}]})


class Attestation(Consent):
    """The customer says that the data is complete, legitimate and up to date."""

    text_version: Annotated[str, Field(min_length=1, max_length=100)]


class Dispute(Form):
    """Why the customer is sure to be right."""

    words: Words = ""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"words": "The picture was sharp, please look again."}]}
    )


class HelpWanted(Form):
    """A customer's question, and the ways on which it is to reach the operators."""

    channels: Annotated[list[Literal["ticket", "email"]], Field(min_length=1, max_length=2)]
    message: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[\P{Cc}\r\n\t]*$")]

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"channels": ["ticket", "email"], "message": "My passport has no number."}]},
    )


class AbuseEvent(Form):
    """An abuse report or a legal notice about an account. `reference`: the same report is heard once."""

    account_id: AccountId
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    registered_at: AwareDatetime | None = None

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"account_id": "a-1042", "reference": "dmca-2026-311"}]}
    )


class NewDisclosure(Form):
    """To whom data was given, on which basis, and which fields."""

    recipient: Line
    basis: Line
    fields: Annotated[list[Line], Field(min_length=1, max_length=50)]

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"recipient": "Cantonal police", "basis": "order 2026/12", "fields": ["last_name", "street"]}]
        },
    )


class DocumentVerdict(Form):
    """What a reviewer says of a document. The customer reads `comment`, colleagues `note` as well."""

    verdict: Literal["accepted", "rejected"]
    reasons: list[Code] = Field(default_factory=list, max_length=20)
    comment: Words = ""
    note: Words = ""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"verdict": "rejected", "reasons": ["IMAGE_BLURRED"], "comment": "Please take it again."}]
        },
    )


class Zone(Form):
    """The machine-readable zone of a document, typed off line by line. It is not kept."""

    text: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\P{Cc}\r\n\t]*$")]

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"}
            ]
        },
    )


class HeldByHand(Form):
    """Why something is held back; it stands in the audit log, so it names nobody."""

    why: Line

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "a chargeback is under way"}]})


class CaseVerdict(Form):
    """What a reviewer says of a case."""

    verdict: Literal["approve", "retry", "deny"]
    reasons: list[Code] = Field(default_factory=list, max_length=20)
    comment: Words = ""
    note: Words = ""
    document_expires: AwareDatetime | None = None

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"verdict": "approve"}]})
