"""Versions of lists that are held, at the API: seen, released, refused, counted, audited, and judged by customers."""

import pytest

RULES = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}

rules:
  - id: disposable
    title: A throw-away address
    when: email.disposable
    score: 80
    reason: "{email.domain} is on a list of throw-away domains"
"""
CATALOGUE = """\
feeds:
  disposable-email-domains: {enabled: false}
  disposable-email-domains-github: {enabled: false}
  ours:
    title: Our own list
    purpose: disposable_domain
    kind: domains
    url: list.txt
    licence: none
    lineage: ours
    trust: trusted
    refresh: 1h
    max_age: 30d
"""
NAMES = [f"trash-{number}.example" for number in range(100)]
OURS = {"names": ["ours"]}


@pytest.fixture
def comes(folder):
    """Puts a version where the list comes from."""

    def write(names):
        (folder / "list.txt").write_text("\n".join(names) + "\n")

    (folder / "rules" / "policy.yaml").write_text(RULES)
    (folder / "rules" / "lists" / "office.txt").unlink()
    (folder / "kycrisk.yaml").write_text("rules: rules\noffline: true\nfeeds: [feeds.yaml]\n")
    (folder / "feeds.yaml").write_text(CATALOGUE)
    write(NAMES)
    return write


async def _updated(api):
    [told] = (await api.ask("POST", "/v1/feeds/update", OURS)).json()["items"]
    return told


async def _actions(api):
    return [
        (row.action, row.actor, row.subject, row.details)
        for row in (await api.service.store.audit.page(subject="feed ours")).items
    ]


def test_a_held_version_is_seen_and_released(api, comes):
    async def body(api):
        assert (await _updated(api))["status"] == "updated"
        assert (await api.ask("GET", "/v1/feeds/ours/held")).status_code == 404
        comes(NAMES[:10])
        told = await _updated(api)
        assert (told["status"], told["entries"]) == ("held", 100)
        held = (await api.ask("GET", "/v1/feeds/ours/held")).json()
        assert [each["kind"] for each in held["reasons"]] == ["removed"]
        assert (held["entries"], held["added"]["count"], held["removed"]["count"]) == (10, 0, 90)
        assert held["customers"] is None  # there are none yet
        assert (await api.screen({"email": "a@trash-50.example"})).json()["outcome"] == "verify"
        assert b'kycrisk_list_held{list="ours"} 1.0' in (await api.client.get("/metrics")).content
        [ours] = [each for each in (await api.ask("GET", "/v1/feeds")).json()["items"] if each["name"] == "ours"]
        assert (ours["entries"], ours["held_since"]) == (100, held["since"])

        wrong = {"why": "looked at it", "sha256": "0" * 64}
        assert (await api.ask("POST", "/v1/feeds/ours/held/release", wrong)).status_code == 409
        assert (await api.ask("POST", "/v1/feeds/none/held/release", wrong)).status_code == 404
        assert (await api.ask("POST", "/v1/feeds/ours/held/release", {})).status_code == 422
        right = {"why": "they gave most of them up", "who": "Kim", "sha256": held["sha256"]}
        released = (await api.ask("POST", "/v1/feeds/ours/held/release", right)).json()
        assert (released["status"], released["sha256"]) == ("released", held["sha256"])
        assert (await api.screen({"account_id": "a-2", "email": "a@trash-50.example"})).json()["outcome"] == "allow"
        assert (await api.ask("POST", "/v1/feeds/ours/held/release", right)).status_code == 404
        assert b'kycrisk_list_held{list="ours"} 0.0' in (await api.client.get("/metrics")).content
        [(action, actor, _, details)] = await _actions(api)
        assert (action, actor, details["why"]) == ("feed.released", "Kim (key kim)", "they gave most of them up")
        assert (details["reasons"], details["entries"], details["removed"]) == (["removed"], 10, 90)
        assert (await api.service.store.audit.verify()).holds

    api(body)


def test_what_a_version_is_taken_without_stands_in_the_audit_log(api, comes):
    async def body(api):
        await _updated(api)
        comes([*NAMES, "hey.com"])
        told = await _updated(api)
        assert (told["status"], told["entries"], told["left_out"]) == ("updated", 100, ["hey.com"])
        [ours] = [each for each in (await api.ask("GET", "/v1/feeds")).json()["items"] if each["name"] == "ours"]
        assert ours["left_out"] == ["hey.com"]
        [row] = await _actions(api)
        assert row == ("feed.left_out", "feeds", "feed ours", {"sha256": ours["sha256"], "names": ["hey.com"]})
        assert (await api.screen({"email": "a@hey.com"})).json()["outcome"] == "allow"

    api(body)


def test_a_version_that_would_flip_customers_is_held_and_refused(api, comes):
    async def body(api):
        await _updated(api)
        for number in range(40):
            address = f"a{number}@shop-{number % 20}.example"
            assert (await api.screen({"account_id": f"a-{number}", "email": address})).json()["outcome"] == "allow"
        comes([*NAMES, "shop-7.example", "nobody.example"])
        assert (await _updated(api))["status"] == "held"
        held = (await api.ask("GET", "/v1/feeds/ours/held")).json()
        assert [each["kind"] for each in held["reasons"]] == ["flips"]
        assert held["customers"] == {
            "looked_at": 40,
            "would_flip": 2,
            "examples": [{"account_id": f"a-{n}", "before": "allow", "after": "verify"} for n in (7, 27)],
        }
        refused = await api.ask("POST", "/v1/feeds/ours/held/refuse", {"why": "shop-7 is a customer"})
        assert (refused.status_code, refused.json()["status"]) == (200, "refused")
        assert (await _updated(api))["status"] == "refused"
        assert (await api.ask("GET", "/v1/feeds/ours/held")).status_code == 404
        assert (await api.screen({"account_id": "a-99", "email": "x@shop-7.example"})).json()["outcome"] == "allow"
        [(action, actor, _, details)] = await _actions(api)
        assert (action, actor, details["flips"]) == ("feed.refused", "kim", 2)
        comes([*NAMES, "nobody.example"])
        assert (await _updated(api))["status"] == "updated"

    api(body)
