"""The program that filled in the form, by the name it gives itself."""

from __future__ import annotations

from functools import lru_cache

from kycrisk.checks.check import Answer, Check
from kycrisk.signals import Signal, Subject, Type

# Products that name themselves first (RFC 9110 section 10.1.5 puts the most significant product there), lower case.
_CLIENTS = frozenset(
    {
        "curl", "wget", "python", "python-requests", "python-urllib", "python-httpx", "aiohttp", "httpx", "urllib",
        "go-http-client", "java", "apache-httpclient", "jakarta", "okhttp", "libwww-perl", "lwp", "perl", "ruby",
        "faraday", "guzzlehttp", "php", "node-fetch", "node", "axios", "undici", "got", "bun", "deno", "postmanruntime",
        "insomnia", "httpie", "scrapy", "mechanize", "restsharp", "reqwest", "hyper", "colly", "fasthttp",
        "powershell", "windowspowershell", "winhttp", "playwright", "puppeteer", "phantomjs", "headlesschrome",
        "selenium", "k6", "jmeter", "sqlmap", "nikto", "zgrab", "masscan", "nuclei", "bot", "dart", "alamofire",
        "superagent", "typhoeus", "httpclient", "http_request2", "cpp-httplib", "wordpress",
    }
)  # fmt: skip

# What browsers without a person in front of them, and crawlers, say further on.
_AUTOMATED = (
    "headless", "phantomjs", "slimerjs", "selenium", "webdriver", "puppeteer", "playwright", "cypress", "jsdom",
    "htmlunit", "zombie.js", "scrapy", "crawler", "spider", "+http",
)  # fmt: skip

_ABSENT = Answer({"user_agent.given": False, "user_agent.automated": False})
_PERSON = Answer({"user_agent.given": True, "user_agent.automated": False})
_PROGRAM = Answer({"user_agent.given": True, "user_agent.automated": True})


@lru_cache(maxsize=1024)  # browsers have few versions at a time
def is_automated(user_agent: str) -> bool:
    """Whether the program says that it is a library, a tool, a crawler or a browser without a screen."""
    lower = user_agent.lower()
    if lower[:8] != "mozilla/":
        product = lower.partition("/")[0].partition(" ")[0]
        if product in _CLIENTS:
            return True
    return any(map(lower.__contains__, _AUTOMATED))


def _ask(user_agent: str) -> Answer:
    if not user_agent:
        return _ABSENT
    return _PROGRAM if is_automated(user_agent) else _PERSON


CHECK: Check[str] = Check(
    name="user_agent",
    subject=Subject.SIGNUP,
    signals=(
        Signal("user_agent.given", Type.BOOL, "Did the signup come with a user agent?", Subject.SIGNUP),
        Signal(
            "user_agent.automated",
            Type.BOOL,
            "Does the user agent name a program rather than a person's browser?",
            Subject.SIGNUP,
            advice="sign up with an ordinary browser",
        ),
    ),
    key=lambda signup, said: signup.user_agent.strip(),
    prepare=lambda world: _ask,
)
