"""The fields of personal data, as forms show them."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.verification.languages import marked


@dataclass(frozen=True, slots=True)
class Field:
    """`kind` is the type of the input; `country` is a choice. `fill` tells browsers what they may fill in."""

    name: str
    label: str
    kind: str = "text"
    fill: str = "off"
    hint: str = ""


_ALL = (
    Field("first_name", marked("First name"), fill="given-name", hint=marked("As in your document, letter by letter.")),
    Field("middle_name", marked("Middle name"), fill="additional-name"),
    Field("last_name", marked("Surname"), fill="family-name", hint=marked("As in your document, letter by letter.")),
    Field("date_of_birth", marked("Date of birth"), "date", "bday"),
    Field("nationality", marked("Nationality"), "country"),
    Field("street", marked("Street"), fill="address-line1"),
    Field("house_number", marked("House number")),
    Field("city", marked("City"), fill="address-level2"),
    Field("postal_code", marked("Postal code"), fill="postal-code"),
    Field("region", marked("Province or state"), fill="address-level1"),
    Field("country", marked("Country"), "country", "country"),
    Field("email", marked("E-mail address"), "email", "email"),
    Field("phone", marked("Phone number"), "tel", "tel", marked("With the country's code, such as +41 79 123 45 67.")),
    Field("company", marked("Company"), fill="organization"),
    Field("registration_number", marked("Registration number")),
    Field("vat_id", marked("VAT number")),
    Field("position", marked("Your position"), fill="organization-title"),
)
FIELDS = {each.name: each for each in _ALL}
