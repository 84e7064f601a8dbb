"""A small catalogue of signals, so that messages and schemas in tests do not change with the real one."""

from kycrisk.signals import Signal, Subject, Type

SIGNALS = {
    name: Signal(name=name, type=type_, question="Which?", subject=Subject.SIGNUP)
    for name, type_ in {
        "account.age": Type.DURATION,
        "email.address": Type.STR,
        "email.disposable": Type.BOOL,
        "email.disposable_lists": Type.INT,
        "email.domain": Type.STR,
        "email.local": Type.STR,
        "fraud.score": Type.FLOAT,
        "ip.address": Type.IP,
        "ip.country": Type.STR,
        "ip.feeds": Type.STR_SET,
        "ip.network": Type.STR,
        "ip.tor_exit": Type.BOOL,
        "ip.vpn": Type.BOOL,
        "signup.company": Type.STR,
        "signup.submitted_at": Type.DATETIME,
    }.items()
}
ALIASES = {"ip": "ip.address", "email": "email.address"}
