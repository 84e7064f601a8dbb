"""Versions of the rules: validated, drafted, approved by a second person, published, rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Response

from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.service import Service
from kycrisk.api.shapes import Draft, Files, RuleStatus
from kycrisk.checks.catalogue import ALIASES
from kycrisk.decision_json import moment_text
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.ruleset.canonical import canonical_text
from kycrisk.ruleset.load import load_ruleset_texts
from kycrisk.ruleset.model import Ruleset, Status
from kycrisk.ruleset.status_edit import with_status
from kycrisk.ruleset.testing import run_tests
from kycrisk.service.reload import rule_texts
from kycrisk.service.standing import published_ruleset
from kycrisk.store.rulesets import NewRuleset, Publication, StoredRuleset

routes = router("/v1/rulesets", "rulesets")
Version = Annotated[str, Path(pattern="^sha256:[0-9a-f]{64}$", description="`sha256:` and 64 hexadecimal digits")]
RuleId = Annotated[str, Path(max_length=200)]


@routes.get("", summary="What was in force when", openapi_extra=needs("read"), responses=refusals())
async def list_rulesets(service: Served, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Publications, the newest first; and the versions that were never published."""
    page = await service.store.rulesets.publications(after=cursor, limit=limit)
    drafts = await service.store.rulesets.drafts()
    return answer(
        {
            "items": [_publication(each) for each in page.items],
            "next": page.next,
            "drafts": [_short(each) for each in drafts],
        }
    )


@routes.get("/active", summary="The rules in force", openapi_extra=needs("read"), responses=refusals())
async def active_ruleset(service: Served) -> Response:
    """Which version decides now, and whether it comes from the store or from files.

    What was published goes before files. `refused` says why newer rules or lists are not in force.
    """
    standing, failed = service.standing, service.standings.failed
    ruleset = standing.ruleset
    refused = failed and {"at": moment_text(failed.at), "errors": _errors(failed.problems.problems)}
    return answer(
        {
            "version": ruleset.version,
            "from": standing.rules_from.value,
            "taken_at": moment_text(standing.since),
            "rules": [{"id": each.id, "title": each.title, "status": each.status.value} for each in ruleset.rules],
            "refused": refused or None,
        }
    )


@routes.get("/{version}", summary="A version", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND))
async def get_ruleset(service: Served, version: Version) -> Response:
    """A version with its files, its author and who approved it."""
    stored = await service.store.rulesets.get(version)
    return answer({**_short(stored), "files": dict(stored.sources)})


@routes.post(
    "/validate", summary="Check rule files", openapi_extra=needs("rules"), responses=refusals(Kind.INVALID_RULESET)
)
async def validate_ruleset(service: Served, files: Files) -> Response:
    """Whether the files make a ruleset, and whether the tests in them pass. Nothing is stored."""
    ruleset = await _loaded(service, files.files)
    return answer({"version": ruleset.version, "rules": len(ruleset.rules), "failed_tests": _failed_tests(ruleset)})


@routes.post(
    "",
    status_code=201,
    summary="Draft a version",
    openapi_extra=needs("rules"),
    responses=refusals(Kind.INVALID_RULESET),
)
async def draft_ruleset(service: Served, caller: Caller, draft: Draft) -> Response:
    """Keep a version. It counts when somebody else has approved it and it was published."""
    ruleset = await _loaded(service, draft.files)
    return await _drafted(service, caller.name, ruleset, draft.files, draft.note)


@routes.post(
    "/{version}/approve", summary="Approve a version", openapi_extra=needs("rules"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT, Kind.SECOND_PERSON_NEEDED),
)  # fmt: skip
async def approve_ruleset(service: Served, caller: Caller, version: Version) -> Response:
    """Approve a version that somebody else wrote: persons are told apart by the names of their keys."""
    return answer(_short(await service.store.rulesets.approve(version, caller.name)))


@routes.post(
    "/{version}/publish", summary="Put a version into force", openapi_extra=needs("rules"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT, Kind.SECOND_PERSON_NEEDED, Kind.INVALID_RULESET),
)  # fmt: skip
async def publish_ruleset(service: Served, caller: Caller, version: Version) -> Response:
    """Put an approved version into force. One that this program cannot load is refused."""
    await _loads(service, version)
    publication = await service.store.rulesets.publish(version, caller.name)
    await service.standings.reload()
    return answer(_publication(publication))


@routes.post(
    "/rollback", summary="Go back to the version before", openapi_extra=needs("rules"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def roll_back(service: Served, caller: Caller) -> Response:
    """Put the version into force that was in force before the present one."""
    publication = await service.store.rulesets.roll_back(caller.name)
    await service.standings.reload()
    return answer(_publication(publication))


@routes.put(
    "/active/rules/{id}/status", status_code=201, summary="Draft a version with a rule live or in shadow",
    openapi_extra=needs("rules"), responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_RULESET),
)  # fmt: skip
async def set_status(service: Served, caller: Caller, id: RuleId, status: RuleStatus) -> Response:
    """A draft of the rules in force with one rule's status changed; like any other it has to be approved."""
    active = service.standing.ruleset
    rule = active.rule(id)
    if rule is None:
        help_ = did_you_mean(id, [each.id for each in active.rules])
        raise Refused(
            Kind.NOT_FOUND, f"there is no rule `{id[:100]}`", [Problem("id", "unknown", help_)] if help_ else ()
        )
    if rule.status is Status(status.status):
        raise Refused(Kind.CONFLICT, f"rule `{id}` is {status.status} already")
    files = await _files_in_force(service)
    edited = with_status(files, id, Status(status.status))
    if edited is None:
        raise Refused(Kind.CONFLICT, f"the files of rule `{id}` are not kept with its version; draft them")
    return await _drafted(service, caller.name, await _loaded(service, edited), edited, f"rule {id} {status.status}")


async def _files_in_force(service: Service) -> Mapping[str, str]:
    stored = await service.store.rulesets.get(service.standing.ruleset.version)
    return stored.sources or await asyncio.to_thread(rule_texts, service.settings.rules)


async def _drafted(service: Service, by: str, ruleset: Ruleset, files: Mapping[str, str], note: str) -> Response:
    text = canonical_text(ruleset)
    stored = await service.store.rulesets.draft(NewRuleset(text=text, by=by, sources=files, note=note))
    return answer({**_short(stored), "failed_tests": _failed_tests(ruleset)}, 201)


async def _loads(service: Service, version: str) -> None:
    stored = await service.store.rulesets.get(version)
    try:
        await asyncio.to_thread(published_ruleset, stored, service.signals)
    except Problems as wrong:
        raise _invalid(wrong) from None


async def _loaded(service: Service, files: Mapping[str, str]) -> Ruleset:
    try:
        return await asyncio.to_thread(load_ruleset_texts, files, signals=service.signals, aliases=ALIASES)
    except Problems as wrong:
        raise _invalid(wrong) from None


def _invalid(wrong: Problems) -> Refused:
    count = len(wrong.problems)
    return Refused(Kind.INVALID_RULESET, f"{count} problem{'s' if count > 1 else ''} in the rules", wrong.problems)


def _failed_tests(ruleset: Ruleset) -> list[dict[str, str]]:
    return [
        {"rule": each.rule.id, "test": each.test.name, "expected": each.test.expect.value, "found": each.found.value}
        for each in run_tests(ruleset).results
        if not each.passed
    ]


def _errors(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"place": str(each.place), "message": each.message, "help": each.help} for each in problems[:100]]


def _publication(each: Publication) -> dict[str, Any]:
    return {"version": each.version, "published_at": moment_text(each.at), "published_by": each.by}


def _short(stored: StoredRuleset) -> dict[str, Any]:
    return {
        "version": stored.version,
        "status": stored.status.value,
        "drafted_by": stored.by,
        "drafted_at": moment_text(stored.at),
        "note": stored.note,
        "approvals": [{"by": each.by, "at": moment_text(each.at)} for each in stored.approvals],
    }
