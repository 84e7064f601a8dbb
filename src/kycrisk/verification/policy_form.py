"""How a procedure is written in YAML: keys, kinds of values, and what each of them may be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kycrisk.durations import parse_duration
from kycrisk.normal.country import COUNTRIES
from kycrisk.problems import did_you_mean
from kycrisk.verification.paper import SIDES, TYPES
from kycrisk.verification.policy import Mode, Subject
from kycrisk.verification.state import State, Trigger

HOLDS = ("orders", "services", "refunds")
FEATURE = "feature:"
PROVIDERS = ("manual", "idenfy", "stripe")
HAND_OFFS = ("qr", "email", "sms", "copy")
SEVERITIES = ("info", "warning", "danger", "success")
FIELDS = (
    "first_name", "middle_name", "last_name", "date_of_birth", "nationality", "street", "house_number", "city",
    "postal_code", "region", "country", "email", "phone", "company", "registration_number", "vat_id", "position",
)  # fmt: skip
TEXTS = (
    "consent", "attestation", "expectation", "invitation", "submitted", "processing", "verified", "failed", "rejected",
    "reminder", "overdue", "selfie",
)  # fmt: skip


def _word(known: Iterable[str], what: str) -> BeforeValidator:
    words = tuple(known)

    def read(raw: object) -> str:
        if raw not in words:
            help_ = did_you_mean(str(raw), words) or "known: " + ", ".join(words)
            raise ValueError(f"`{str(raw)[:60]}` is no {what}\n{help_}")
        return str(raw)

    return BeforeValidator(read)


def _duration(raw: object) -> timedelta:
    if not isinstance(raw, str):
        raise ValueError(f"`{str(raw)[:60]}` is not a duration such as `72h`")
    duration = parse_duration(raw)
    if not timedelta(0) < duration <= timedelta(days=3650):
        raise ValueError(f"`{raw}` is not between nothing and ten years")
    return duration


def _country(raw: object) -> str:
    code = raw.strip().upper() if isinstance(raw, str) else ""
    if code not in COUNTRIES:
        raise ValueError(f"`{str(raw)[:60]}` is not a country such as `DE`\nwrite its two letters of ISO 3166")
    return code


def _hold(raw: object) -> str:
    text = str(raw)
    if text.startswith(FEATURE) and text.removeprefix(FEATURE).replace("_", "").isalnum():
        return text
    if text not in HOLDS:
        raise ValueError(f"`{text[:60]}` cannot be held back\nknown: {', '.join(HOLDS)}, feature:NAME")
    return text


Span = Annotated[timedelta, BeforeValidator(_duration)]
Country = Annotated[str, BeforeValidator(_country)]
Hold = Annotated[str, BeforeValidator(_hold)]
DocumentType = Annotated[str, _word(TYPES, "type of document")]
Side = Annotated[str, _word(SIDES, "side of a document")]
SubjectWord = Annotated[str, _word(Subject, "kind of customer")]
FieldWord = Annotated[str, _word(FIELDS, "field of personal data")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, raw: object) -> object:
        return {} if raw is None else raw


class StepForm(Form):
    """A step without anything to say about it, but of whom it is asked."""

    of: list[SubjectWord] = Field(default_factory=lambda: [each.value for each in Subject], min_length=1)


class CountryForm(StepForm):
    allowed: list[Country] = Field(default_factory=list)


class PersonalDataForm(StepForm):
    fields: list[FieldWord] = Field(min_length=1)
    company_fields: list[FieldWord] = Field(default_factory=list)
    work_email: Annotated[str, _word(("any", "warn", "required"), "wish for a work address")] = "any"


class DocumentForm(StepForm):
    category: Name = "identity"
    any_of: list[DocumentType] = Field(min_length=1)
    countries: dict[Country, list[DocumentType]] = Field(default_factory=dict)
    sides: dict[DocumentType, list[Side]] = Field(default_factory=dict)


class SelfieForm(StepForm):
    poses: int = Field(default=1, ge=1, le=5)


class PhoneForm(StepForm):
    mobile: bool = False


STEP_FORMS: dict[str, type[StepForm]] = {
    "consent": StepForm,
    "country": CountryForm,
    "personal_data": PersonalDataForm,
    "document": DocumentForm,
    "selfie": SelfieForm,
    "phone": PhoneForm,
    "email": StepForm,
    "attestation": StepForm,
    "confirm": StepForm,
}


class TicketForm(Form):
    subject: Line = "KYC"


class ThenForm(Form):
    hold: list[Hold] = Field(default_factory=lambda: ["orders"])


class DeadlineForm(Form):
    from_: Annotated[str, _word(("opened", "registered"), "moment to count from")] = Field(
        default="opened", alias="from"
    )
    within: Span
    reminders: list[Span] = Field(default_factory=list, max_length=10)
    then: ThenForm = Field(default_factory=ThenForm)


class ReviewForm(Form):
    within: Span = timedelta(hours=24)
    four_eyes: bool = False


class RefreshForm(Form):
    months: int | None = Field(default=None, ge=1, le=120)
    before_expiry: Span | None = None
    mode: Annotated[str, _word(Mode, "way to refresh")] = "full"


class AbuseForm(Form):
    below: Name
    hold: list[Hold] = Field(min_length=1)


class OnVerifiedForm(Form):
    exempt: list[Line] = Field(default_factory=list)
    for_: Span = Field(default=timedelta(days=365), alias="for")


class GatesForm(Form):
    refund: Name | None = None
    order: Name | None = None
    features: dict[Name, Name] = Field(default_factory=dict)


class LabelForm(Form):
    text: Line
    severity: Annotated[str, _word(SEVERITIES, "severity")] = "info"

    @model_validator(mode="before")
    @classmethod
    def _text(cls, raw: object) -> object:
        return {"text": raw} if isinstance(raw, str) else raw


class LevelForm(Form):
    unlocks: list[Name] = Field(default_factory=list)


class PortalForm(Form):
    step_up: bool = False


class PolicyForm(Form):
    """The mapping under `verification`. `steps` and `levels` are read step by step."""

    id: Name
    title: Line
    opens_on: list[Annotated[str, _word(Trigger, "reason to open a case")]] = Field(min_length=1)
    subjects: list[SubjectWord] = Field(default_factory=lambda: ["person"], min_length=1)
    provider: Annotated[str, _word(PROVIDERS, "provider")] = "manual"
    required_level: Name | None = None
    ticket: TicketForm = Field(default_factory=TicketForm)
    deadline: DeadlineForm
    deadlines: dict[Annotated[str, _word(Trigger, "reason to open a case")], DeadlineForm] = Field(default_factory=dict)
    attempts: int = Field(default=3, ge=1, le=20)
    review: ReviewForm = Field(default_factory=ReviewForm)
    refresh: RefreshForm | None = None
    abuse: AbuseForm | None = None
    gates: GatesForm = Field(default_factory=GatesForm)
    labels: dict[Annotated[str, _word((*State, "unverified"), "state")], LabelForm] = Field(default_factory=dict)
    on_verified: OnVerifiedForm = Field(default_factory=OnVerifiedForm)
    keep_images: Span = timedelta(days=7)
    hand_off: list[Annotated[str, _word(HAND_OFFS, "way to a phone")]] = Field(default_factory=lambda: list(HAND_OFFS))
    portal: PortalForm = Field(default_factory=PortalForm)
    texts: dict[Annotated[str, _word(TEXTS, "text")], Annotated[str, Field(min_length=1, max_length=5000)]] = Field(
        default_factory=dict
    )
