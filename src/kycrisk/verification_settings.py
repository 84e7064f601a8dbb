"""The section `verification:` of the settings: which procedure new cases get, how customers and panels are reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from kycrisk.documents import At, Document
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Problem, Problems
from kycrisk.sources.form import BaseEndpoint, Form, SecretText, Surroundings, between, one_of

SECTION = "verification"
TICKETS = ("whmcs", "fossbilling", "webhook", "email")
PANELS = ("whmcs", "webhook")
SMS = ("http", "log")
_POINTERS = frozenset({"env", "file"})
_SECRETS = frozenset({"secret", "password", "key", "api_key", "api_secret", "signing_key"})
_ADDRESS = r"^[^@\s<>]+@[^@\s<>]+$"
Patience = Annotated[timedelta, between(timedelta(milliseconds=100), timedelta(seconds=30))]


class TicketForm(Form):
    """Where requests appear for the customer."""

    kind: Annotated[str, one_of(TICKETS, "kind of ticket system")] = Field(
        description="whmcs, fossbilling, webhook or email"
    )
    url: BaseEndpoint | None = Field(default=None, description="the panel, such as `https://billing.example.com`")
    identifier: str = Field(default="", max_length=200, description="of WHMCS API credentials")
    secret: SecretText | None = Field(
        default=None, description="of the API credentials, or what webhooks are signed with"
    )
    department: int = Field(default=1, ge=1, description="the department, or helpdesk, of the tickets")
    admin: str = Field(default="", max_length=100, description="WHMCS: whose name replies carry")
    allow_private: bool = Field(default=False, description="whether the panel may be at an address that is not public")


class PanelForm(Form):
    """What holds back orders, services, refunds and features."""

    kind: Annotated[str, one_of(PANELS, "kind of panel")] = Field(description="whmcs or webhook")
    url: BaseEndpoint = Field(description="the panel, or where webhooks go")
    identifier: str = Field(default="", max_length=200, description="of WHMCS API credentials")
    secret: SecretText = Field(description="of the API credentials, or what webhooks are signed with")
    allow_private: bool = Field(default=False, description="whether the panel may be at an address that is not public")


class MailForm(Form):
    """The server that mail goes out through."""

    host: str = Field(min_length=1, max_length=253, description="the SMTP server")
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="`starttls`, `tls` or `none`")
    user: str = Field(default="", max_length=200, description="whom to log in as; nobody when left out")
    password: SecretText | None = Field(default=None, description="their password")
    sender: str = Field(pattern=_ADDRESS, max_length=320, description="the address that mail comes from")
    timeout: Patience = Field(default=timedelta(seconds=15), description="how long the server may take")


class SmsForm(Form):
    """How texts go to phones."""

    kind: Annotated[str, one_of(SMS, "kind of SMS service")] = Field(description="http, or log for trying out")
    url: BaseEndpoint | None = Field(default=None, description="where messages are posted to")
    secret: SecretText | None = Field(default=None, description="sent as `Authorization: Bearer …`")
    to_field: str = Field(default="to", min_length=1, max_length=50, description="what the number is called there")
    text_field: str = Field(default="text", min_length=1, max_length=50, description="what the text is called there")
    more: dict[str, str] = Field(default_factory=dict, description="other fields of every message")
    allow_private: bool = Field(default=False, description="whether it may be at an address that is not public")


class IdenfyForm(Form):
    """iDenfy."""

    api_key: SecretText = Field(description="the API key")
    api_secret: SecretText = Field(description="the API secret")
    signing_key: SecretText = Field(description="of the notification in iDenfy's dashboard")
    endpoint: BaseEndpoint | None = Field(default=None, description="another address than iDenfy's own, for tests")
    allow_private: bool = Field(default=False, description="whether it may be at an address that is not public")


class StripeForm(Form):
    """Stripe Identity."""

    api_key: SecretText = Field(description="a restricted key for Identity")
    signing_key: SecretText = Field(description="of the endpoint in Stripe's dashboard, `whsec_…`")
    endpoint: BaseEndpoint | None = Field(default=None, description="another address than Stripe's own, for tests")
    allow_private: bool = Field(default=False, description="whether it may be at an address that is not public")


class ProvidersForm(Form):
    """The identity providers that there are contracts with."""

    idenfy: IdenfyForm | None = Field(default=None, description="iDenfy")
    stripe: StripeForm | None = Field(default=None, description="Stripe Identity")


class PortalForm(Form):
    """The operator's own application, which sends customers here with a signed claim."""

    secret: SecretText = Field(description="what claims are signed with (HMAC-SHA256)")


class VerificationForm(Form):
    """Everything about verification."""

    policy: str = Field(default="", max_length=40, description="the procedure that new cases get")
    public_url: BaseEndpoint | None = Field(
        default=None, description="where customers reach this service; links lead there"
    )
    ticket: TicketForm | None = Field(default=None, description="where requests appear for the customer")
    panel: PanelForm | None = Field(default=None, description="what holds back orders, services, refunds and features")
    mail: MailForm | None = Field(default=None, description="the server that mail goes out through")
    operators: list[Annotated[str, Field(pattern=_ADDRESS, max_length=320)]] = Field(
        default_factory=list, description="who hears of overdue reviews and of customers who ask for help"
    )
    sms: SmsForm | None = Field(default=None, description="how texts go to phones")
    master_key: str = Field(
        default="",
        max_length=4096,
        description="the file of the keys of pictures; default: master.key in `state`",
    )
    providers: ProvidersForm = Field(default_factory=ProvidersForm, description="identity providers")
    portal: PortalForm | None = Field(default=None, description="where customers come from by themselves")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSettings:
    """The section, read. Forms hold secrets as `Secret`, which show themselves nowhere."""

    policy: str = ""
    public_url: str = ""
    ticket: TicketForm | None = None
    panel: PanelForm | None = None
    mail: MailForm | None = None
    operators: tuple[str, ...] = ()
    sms: SmsForm | None = None
    master_key: str = ""
    providers: ProvidersForm = field(default_factory=ProvidersForm)
    portal: PortalForm | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All of them, to be kept out of logs."""
        forms = (
            self.ticket, self.panel, self.mail, self.sms, self.providers.idenfy, self.providers.stripe, self.portal,
        )  # fmt: skip
        found = [getattr(form, name, None) for form in forms if form is not None for name in _SECRETS]
        return tuple(each for each in found if each is not None)


NO_VERIFICATION = VerificationSettings()


def is_confidential(at: At) -> bool:
    """Whether a value of the settings may be a secret of this section."""
    names = [part for part in at if isinstance(part, str)]
    return at[:1] == (SECTION,) and bool(_SECRETS & set(names)) and names[-1] not in _POINTERS


def read_verification(document: Document, around: Surroundings) -> VerificationSettings:
    """What a settings document says. Raises `Problems`."""
    if document.at(SECTION) is None:
        return NO_VERIFICATION
    form = document.read(VerificationForm, (SECTION,), context=around)
    problems = []
    ticket, sms = form.ticket, form.sms
    if ticket is not None and ticket.kind != "email" and (ticket.url is None or ticket.secret is None):
        place = document.place(SECTION, "ticket")
        problems.append(Problem(place, f"`{ticket.kind}` needs `url` and `secret`", "write both"))
    if ticket is not None and ticket.kind == "email" and form.mail is None:
        place = document.place(SECTION, "ticket")
        problems.append(Problem(place, "tickets by mail need `mail`", "write the server under `verification.mail`"))
    if sms is not None and sms.kind == "http" and sms.url is None:
        place = document.place(SECTION, "sms")
        problems.append(Problem(place, "`http` needs `url`", "write where messages are posted to"))
    if problems:
        raise Problems(problems)
    return VerificationSettings(
        policy=form.policy,
        public_url=form.public_url or "",
        ticket=form.ticket,
        panel=form.panel,
        mail=form.mail,
        operators=tuple(form.operators),
        sms=form.sms,
        master_key=form.master_key,
        providers=form.providers,
        portal=form.portal,
    )
