"""Mail by SMTP, each letter as text and as HTML."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import aiosmtplib

from kycrisk.lookups.secrets import Secret
from kycrisk.verification.outside import Letter, OutsideFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMail:
    """A server that takes mail. `timeout` in seconds is for the whole of it."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    clock: Callable[[], datetime]
    user: str = ""
    password: Secret | None = None
    timeout: float = 15.0
    tls: ssl.SSLContext | None = None

    async def send(self, letter: Letter) -> str:
        """The Message-ID: made of the letter's key, so that a letter that comes twice is one to its reader."""
        message = self.message(letter)
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self.user or None,
                password=self.password.reveal() if self.password else None,
                use_tls=self.security == "tls",
                start_tls=self.security == "starttls",
                tls_context=self.tls,
                timeout=self.timeout,
            )
        except (aiosmtplib.SMTPException, OSError) as error:  # its words may quote the receiver
            raise OutsideFailure(f"mail: {_WORDS.get(type(error), 'the server did not take it')}") from None
        return str(message["Message-ID"])

    def message(self, letter: Letter) -> EmailMessage:
        """The letter as it is sent. Raises `OutsideFailure` for an address that mail cannot go to."""
        message = EmailMessage()
        domain = self.sender.rpartition("@")[2]
        message["From"] = self.sender
        try:
            message["To"] = Address(addr_spec=letter.to)
        except (ValueError, IndexError):  # what a customer wrote, as the mail library reads it
            raise OutsideFailure("mail: the receiver's address is none") from None
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self.clock())
        message["Message-ID"] = f"<{letter.key}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers
        if letter.in_reply_to:
            message["In-Reply-To"] = letter.in_reply_to
            message["References"] = letter.in_reply_to
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message


_WORDS: dict[type[BaseException], str] = {
    aiosmtplib.SMTPConnectError: "the server cannot be reached",
    aiosmtplib.SMTPConnectTimeoutError: "the server cannot be reached in time",
    aiosmtplib.SMTPAuthenticationError: "the server does not accept the password",
    aiosmtplib.SMTPRecipientsRefused: "the server refuses the receiver",
    aiosmtplib.SMTPServerDisconnected: "the connection broke",
    aiosmtplib.SMTPReadTimeoutError: "the server does not answer in time",
}
