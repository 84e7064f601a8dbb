"""A panel, a ticket system and a mailbox for tests: real in what they keep, in memory. They count what came twice."""

from collections import Counter

from kycrisk.verification.outside import Outside, OutsideFailure


class FakePanel:
    """Holds things back by key: what comes twice under one key has its effect once, as receivers are told to do it."""

    def __init__(self):
        self.keys, self.log, self.repeated, self.down = {}, [], 0, False

    async def hold(self, held):
        return self._once(held, "hold")

    async def release(self, held, changed):
        self._once(held, "release")

    def _once(self, held, what):
        if self.down:
            raise OutsideFailure("panel: it is down")
        if held.key in self.keys:
            self.repeated += 1
        else:
            self.keys[held.key] = what
            self.log.append((what, held.person.account_id, held.kind))
        return "{}"

    def count(self, what, kind=None):
        return sum(1 for each, _, k in self.log if each == what and kind in (None, k))

    def held(self):
        """What is held back in the end, by account and kind."""
        standing = Counter()
        for what, account, kind in self.log:
            standing[account, kind] += 1 if what == "hold" else -1
        return {key for key, count in standing.items() if count}


class FakeTickets:
    def __init__(self):
        self.tickets = []

    async def open(self, message, *, again):
        self.tickets.append({"subject": message.subject, "account": message.person.account_id, "said": [message.text]})
        return str(len(self.tickets))

    async def reply(self, reference, message, *, again):
        self.tickets[int(reference) - 1]["said"].append(message.text)


class FakeMail:
    def __init__(self):
        self.letters = []

    async def send(self, letter):
        self.letters.append(letter)
        return f"<{letter.key}@example.com>"


def outside(**more):
    given = {"tickets": FakeTickets(), "panel": FakePanel(), "mail": FakeMail(), "operators": ("ops@example.com",)}
    return Outside(**{**given, **more})
