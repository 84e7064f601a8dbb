"""Versions of the rules: two persons put one into force, it goes before the files, and what is broken stays out."""

from tests.api.conftest import RULES

NEW = RULES.replace("score: 45", "score: 80")
BROKEN = RULES.replace("signup.company != ", "signup.compny != ")


async def publish(api, text, note=""):
    draft = await api.ask("POST", "/v1/rulesets", {"files": {"policy.yaml": text}, "note": note})
    version = draft.json()["version"]
    second = (await api.key("rules", name="alex")).token
    assert (await api.ask("POST", f"/v1/rulesets/{version}/approve", token=second)).status_code == 200
    assert (await api.ask("POST", f"/v1/rulesets/{version}/publish")).status_code == 200
    return version


def test_two_persons_publish_and_files_step_back(api, folder):
    async def body(api):
        active = (await api.ask("GET", "/v1/rulesets/active")).json()
        assert (active["from"], active["refused"]) == ("files", None)
        draft = await api.ask("POST", "/v1/rulesets", {"files": {"policy.yaml": NEW}, "note": "companies verify"})
        assert (draft.status_code, draft.json()["status"]) == (201, "draft")
        version = draft.json()["version"]
        for step in ("approve", "publish"):
            alone = await api.ask("POST", f"/v1/rulesets/{version}/{step}")
            assert alone.json()["type"] == "https://kycrisk.invalid/problems/second-person-needed", step
        second = (await api.key("rules", name="alex")).token
        approved = await api.ask("POST", f"/v1/rulesets/{version}/approve", token=second)
        assert [each["by"] for each in approved.json()["approvals"]] == ["alex"]
        assert (await api.screen({"company": "Acme"})).json()["outcome"] == "review"
        assert (await api.ask("POST", f"/v1/rulesets/{version}/publish")).status_code == 200
        decision = (await api.screen({"company": "Acme"})).json()
        assert (decision["outcome"], decision["ruleset"]) == ("verify", version)
        (folder / "rules" / "policy.yaml").write_text(RULES.replace("score: 45", "score: 1"))
        await api.service.standings.reload()
        active = (await api.ask("GET", "/v1/rulesets/active")).json()
        assert (active["from"], active["version"]) == ("store", version)
        kept = (await api.ask("GET", f"/v1/rulesets/{version}")).json()
        assert kept["files"] == {"policy.yaml": NEW}

    api(body)


def test_back_to_the_version_before(api):
    async def body(api):
        assert (await api.ask("POST", "/v1/rulesets/rollback")).status_code == 404
        first, second = await publish(api, NEW), await publish(api, RULES.replace("score: 45", "score: 5"))
        assert api.service.standing.ruleset.version == second
        back = await api.ask("POST", "/v1/rulesets/rollback")
        assert back.json()["version"] == first
        assert (await api.screen({"company": "Acme"})).json()["ruleset"] == first
        items = (await api.ask("GET", "/v1/rulesets")).json()["items"]
        assert [each["version"] for each in items] == [first, second, first]

    api(body)


def test_a_rule_goes_into_shadow_by_a_draft(api):
    async def body(api):
        draft = await api.ask("PUT", "/v1/rulesets/active/rules/company/status", {"status": "shadow"})
        assert (draft.status_code, draft.json()["note"]) == (201, "rule company shadow")
        version = draft.json()["version"]
        files = (await api.ask("GET", f"/v1/rulesets/{version}")).json()["files"]
        assert files["policy.yaml"] == RULES.replace("  - id: company\n", "  - id: company\n    status: shadow\n")
        second = (await api.key("rules", name="alex")).token
        await api.ask("POST", f"/v1/rulesets/{version}/approve", token=second)
        await api.ask("POST", f"/v1/rulesets/{version}/publish")
        decision = (await api.screen({"company": "Acme"})).json()
        assert (decision["outcome"], decision["shadow"][0]["finding"]) == ("allow", "hit")
        again = await api.ask("PUT", "/v1/rulesets/active/rules/company/status", {"status": "shadow"})
        assert again.status_code == 409

    api(body)


def test_rules_are_checked_with_their_tests(api):
    tested = RULES.replace(
        '    reason: "{signup.company} is a company"\n',
        '    reason: "{signup.company} is a company"\n'
        "    tests:\n      - {name: wrong, given: {signup.company: Acme}, expect: miss}\n",
    )

    async def body(api):
        told = (await api.ask("POST", "/v1/rulesets/validate", {"files": {"policy.yaml": tested}})).json()
        assert told["failed_tests"] == [{"rule": "company", "test": "wrong", "expected": "miss", "found": "hit"}]
        assert (await api.ask("GET", f"/v1/rulesets/{told['version']}")).status_code == 200  # the tests are no part
        refused = await api.ask("POST", "/v1/rulesets/validate", {"files": {"policy.yaml": BROKEN}})
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {
                "place": "policy.yaml:14:11",
                "message": "unknown signal `signup.compny`",
                "help": "did you mean `signup.company`?",
            }
        ]

    api(body)


def test_a_broken_file_never_reaches_a_signup(api, folder):
    async def body(api):
        before = api.service.standing.ruleset.version
        (folder / "rules" / "policy.yaml").write_text(BROKEN)
        failed = await api.service.standings.reload()
        assert [problem.message for problem in failed.problems.problems] == ["unknown signal `signup.compny`"]
        answered = await api.screen({"company": "Acme"})
        assert (answered.status_code, answered.json()["ruleset"]) == (201, before)
        active = (await api.ask("GET", "/v1/rulesets/active")).json()
        assert active["version"] == before
        assert [each["message"] for each in active["refused"]["errors"]] == ["unknown signal `signup.compny`"]
        measures = (await api.client.get("/metrics")).text
        assert "kycrisk_reload_refused 1.0" in measures
        (folder / "rules" / "policy.yaml").write_text(NEW)
        assert await api.service.standings.reload() is None
        assert (await api.screen({"company": "Acme"})).json()["outcome"] == "verify"
        assert (await api.ask("GET", "/v1/rulesets/active")).json()["refused"] is None

    api(body)
