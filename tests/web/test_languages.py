"""Everything that pages say is there in both languages."""

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import Environment

from kycrisk.verification.languages import read_po
from kycrisk.web.countries import countries
from kycrisk.web.render import catalogue

WEB = Path(str(files("kycrisk.web")))
GERMAN = read_po((WEB / "locale" / "de" / "LC_MESSAGES" / "pages.po").read_text("utf-8"))


def said():
    environment = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True)
    for path in sorted((WEB / "templates").rglob("*.html")):
        for _, _, message in environment.extract_translations(path.read_text("utf-8")):
            yield path.name, message if isinstance(message, str) else message[0]
    for path in sorted(WEB.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = getattr(node, "func", None)
            name = getattr(named, "id", getattr(named, "attr", ""))
            if name in ("marked", "gettext") and node.args and isinstance(node.args[0], ast.Constant):
                yield path.name, node.args[0].value


PLACES = re.compile(r"%\(\w+\)s")
SAID = sorted(set(said()))


def test_there_is_something_to_translate():
    assert len(SAID) > 190


@pytest.mark.parametrize(("file", "message"), SAID)
def test_german(file, message):
    told = catalogue("de").gettext(message)
    assert message in GERMAN
    assert told
    assert sorted(PLACES.findall(message)) == sorted(PLACES.findall(told))


def test_countries_by_name():
    german, english = countries("de"), countries("en")
    assert ("CH", "Schweiz") in german
    assert ("CH", "Switzerland") in english
    assert english[0] == ("AF", "Afghanistan")
    assert len(german) == len(english) == 250
