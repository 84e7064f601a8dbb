"""The outside of a site, as its settings describe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_network

from kycrisk.lookups.http import Http
from kycrisk.lookups.secrets import Redactor, Secret
from kycrisk.verification.messages.sms import HttpSms, LoggedSms
from kycrisk.verification.messages.smtp import SmtpMail
from kycrisk.verification.outside import Link, Mail, Outside, Panel, Purge, Sms, Tickets, no_link, nothing_to_purge
from kycrisk.verification.panels.webhook import WebhookPanel
from kycrisk.verification.panels.whmcs import WhmcsPanel
from kycrisk.verification.providers.idenfy import ENDPOINT as IDENFY_ENDPOINT
from kycrisk.verification.providers.idenfy import Idenfy, IdenfySettings
from kycrisk.verification.providers.provider import Provider
from kycrisk.verification.providers.stripe_identity import ENDPOINT as STRIPE_ENDPOINT
from kycrisk.verification.providers.stripe_identity import StripeIdentity, StripeIdentitySettings
from kycrisk.verification.signed import SignedPost
from kycrisk.verification.tickets.email import MailTickets
from kycrisk.verification.tickets.fossbilling import FossBillingTickets
from kycrisk.verification.tickets.webhook import WebhookTickets
from kycrisk.verification.tickets.whmcs import WhmcsTickets
from kycrisk.verification.whmcs import Whmcs
from kycrisk.verification_settings import MailForm, PanelForm, SmsForm, TicketForm, VerificationSettings

_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Connections:
    """The HTTP clients of a site, one for public addresses and one for any. Belongs to one event loop."""

    def __init__(self, settings: VerificationSettings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        redactor = Redactor(settings.secrets)
        self._public, self._any = (
            Http(version=version("kycrisk"), allowed=allowed, redactor=redactor, now=clock)
            for allowed in ((), _EVERYWHERE)
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._public.aclose()
        await self._any.aclose()

    def http(self, *, private: bool) -> Http:
        """The client for what may, or may not, be at an address that is not public."""
        return self._any if private else self._public

    def outside(self, link: Link = no_link, purge: Purge = nothing_to_purge) -> Outside:
        """Everything that the settings name."""
        chosen = self._settings
        mail = None if chosen.mail is None else self._mail(chosen.mail)
        return Outside(
            tickets=None if chosen.ticket is None else self._tickets(chosen.ticket, mail),
            panel=None if chosen.panel is None else self._panel(chosen.panel),
            mail=mail,
            sms=None if chosen.sms is None else self._sms(chosen.sms),
            operators=chosen.operators,
            link=link,
            purge=purge,
        )

    def providers(self) -> Mapping[str, Provider]:
        """The identity providers that there are keys for."""
        found: dict[str, Provider] = {}
        idenfy, stripe = self._settings.providers.idenfy, self._settings.providers.stripe
        if idenfy is not None:
            keys = IdenfySettings(
                api_key=idenfy.api_key,
                api_secret=idenfy.api_secret,
                signing_keys=(idenfy.signing_key,),
                endpoint=idenfy.endpoint or IDENFY_ENDPOINT,
            )
            found["idenfy"] = Idenfy(self.http(private=idenfy.allow_private), keys, self._clock)
        if stripe is not None:
            stripe_keys = StripeIdentitySettings(
                api_key=stripe.api_key,
                signing_keys=(stripe.signing_key,),
                endpoint=stripe.endpoint or STRIPE_ENDPOINT,
            )
            found["stripe"] = StripeIdentity(self.http(private=stripe.allow_private), stripe_keys, self._clock)
        return found

    def _mail(self, form: MailForm) -> Mail:
        return SmtpMail(
            host=form.host,
            port=form.port,
            security=form.security,
            sender=form.sender,
            clock=self._clock,
            user=form.user,
            password=form.password,
            timeout=form.timeout.total_seconds(),
        )

    def _tickets(self, form: TicketForm, mail: Mail | None) -> Tickets:
        if form.kind == "email" and mail is not None:
            return MailTickets(mail)
        assert form.url is not None, "the settings were checked"
        assert form.secret is not None, "the settings were checked"
        http = self.http(private=form.allow_private)
        match form.kind:
            case "whmcs":
                whmcs = Whmcs(http=http, url=form.url, identifier=form.identifier, secret=form.secret)
                return WhmcsTickets(whmcs=whmcs, department=form.department, admin=form.admin)
            case "fossbilling":
                return FossBillingTickets(http=http, url=form.url, key=form.secret, helpdesk=form.department)
        return WebhookTickets(self._post(http, form.url, form.secret))

    def _panel(self, form: PanelForm) -> Panel:
        http = self.http(private=form.allow_private)
        if form.kind == "whmcs":
            return WhmcsPanel(Whmcs(http=http, url=form.url, identifier=form.identifier, secret=form.secret))
        return WebhookPanel(self._post(http, form.url, form.secret))

    def _sms(self, form: SmsForm) -> Sms:
        if form.kind == "log":
            return LoggedSms()
        assert form.url is not None, "the settings were checked"
        return HttpSms(
            http=self.http(private=form.allow_private),
            url=form.url,
            secret=form.secret,
            to_field=form.to_field,
            text_field=form.text_field,
            more=form.more,
        )

    def _post(self, http: Http, url: str, secret: Secret) -> SignedPost:
        return SignedPost(http=http, url=url, secret=secret, clock=self._clock)
