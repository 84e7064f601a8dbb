"""Reloads under load: no request fails, and no decision mixes two versions. A thousand of them in `make soak`."""

import asyncio

from tests.api.conftest import RULES, SOAKING

RELOADS = 1000 if SOAKING else 12
# In each version rule, list and policy say the same number, so a mixture shows.
POINTS = (41, 71)
CALLERS = 2
OUTCOMES = {41: "review", 71: "verify"}


def put(path, text):
    """Save a file as editors do, at once: the service watches, and half a file may be a whole ruleset."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def version(points):
    return RULES.replace("score: 45", f"score: {points}").replace("A company signs up", f"Worth {points}")


def mixed(decision):
    """Whether what a decision says comes from two versions."""
    [reason] = [each for each in decision["reasons"] if each["rule"] == "company"]
    points = decision["score"] - 70 * any(each["rule"] == "burst" for each in decision["reasons"])
    return (
        points not in POINTS
        or (reason["title"], reason["contribution"]) != (f"Worth {points}", f"+{points}")
        or (decision["score"] == points and decision["outcome"] != OUTCOMES[points])
    )


def test_no_request_fails_and_no_version_is_mixed(api, folder, counted):
    policy, office = folder / "rules" / "policy.yaml", folder / "rules" / "lists" / "office.txt"

    async def body(api):
        going, answers, reloads, seen, failures, mixtures = True, 0, 0, set(), [], []

        async def screen(number):
            nonlocal answers
            while going:
                account = f"a-{number}-{answers}"  # each once: an account's own signups are read by each of its next
                signup = {"account_id": account, "company": "Acme", "ip": f"203.0.113.{answers % 250}"}
                answered = await api.screen(signup)
                answers += 1
                if answered.status_code != 201:
                    failures.append(answered.text)
                    continue
                decision = answered.json()
                if mixed(decision):
                    mixtures.append(decision)
                title = next(each["title"] for each in decision["reasons"] if each["rule"] == "company")
                seen.add((decision["ruleset"], title))

        put(policy, version(POINTS[0]))
        await api.service.standings.reload()
        callers = [asyncio.create_task(screen(number)) for number in range(CALLERS)]
        for number in range(RELOADS):
            put(policy, version(POINTS[number % 2]))
            put(office, f"198.51.100.{number % 250}\n")
            reloads += await api.service.standings.reload() is None
            await asyncio.sleep(0)
        going = False
        await asyncio.gather(*callers)
        counted(reloads=reloads, requests=answers, failed=len(failures), mixed=len(mixtures))
        assert (reloads, failures, mixtures) == (RELOADS, [], [])
        assert len(seen) == 2  # each version always with its own points
        assert {title for _, title in seen} == {f"Worth {points}" for points in POINTS}

    api(body, requests_per_second=100_000)
