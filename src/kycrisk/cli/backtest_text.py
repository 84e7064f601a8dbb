"""A backtest in the terminal: the flips as bars and as a matrix, the rules, the labelled accounts."""

from __future__ import annotations

from collections.abc import Iterator

from kycrisk.backtest.report import Backtest, Labelled
from kycrisk.backtest.words import flagged, headline, number, percent, ranged, shared, telling
from kycrisk.cli.terminal import Paint, counted, visible, width, wrapped
from kycrisk.outcome import Outcome

_STYLES = {Outcome.ALLOW: "green", Outcome.REVIEW: "yellow", Outcome.VERIFY: "cyan", Outcome.DENY: "red"}
_LETTERS = {Outcome.ALLOW: "a", Outcome.REVIEW: "r", Outcome.VERIFY: "v", Outcome.DENY: "d"}
_MOST_RULES, _MOST_OPEN, _MOST_SIGNALS, _MOST_GONE = 25, 8, 8, 6


def backtest_lines(found: Backtest, paint: Paint) -> Iterator[str]:
    """The report, line by line."""
    span = f", {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}" if found.first and found.last else ""
    yield paint("bold", f"{number(found.decisions)} decisions from {visible(found.source)}{span}")
    yield f"rules {found.ruleset}"
    yield ""
    yield from wrapped(headline(found))
    yield from wrapped(flagged(found))
    yield ""
    yield from _matrix(found, paint)
    yield from _open(found)
    yield ""
    yield from _rules(found, paint)
    if found.labelled is not None:
        yield ""
        yield from _labelled(found.labelled, paint)
    yield from _missing(found)
    for told in found.notes:
        yield from wrapped(told, first="note: ", rest="      ")


def _matrix(found: Backtest, paint: Paint) -> Iterator[str]:
    """A row for each outcome before: how many there were, where they went, and the same as a bar."""
    head = "".join(f"{outcome.word:>10}" for outcome in Outcome)
    yield paint("dim", f"{'then':7}{'decisions':>10}  now{head[3:]}{'?':>10}")
    for before in Outcome:
        mine = [each for each in found.flips if each.before == before]
        total = sum(each.decisions for each in mine)
        if not total:
            continue
        sure = {now: sum(each.decisions for each in mine if each.certain and each.lowest == now) for now in Outcome}
        cells = "".join(
            paint("bold" if now != before and sure[now] else "", f"{number(sure[now]) if sure[now] else '·':>10}")
            for now in Outcome
        )
        open_ = total - sum(sure.values())
        yield f"{before.word:7}{number(total):>10}  {cells}{number(open_) if open_ else '·':>10}"
        yield f"{'':7}{_bar([*sure.items(), (None, open_)], total, paint)}"


def _bar(parts: list[tuple[Outcome | None, int]], total: int, paint: Paint) -> str:
    """Letters in proportion; what is there at all has one at least."""
    room = width() - 9
    sizes = [(place, max(1, round(room * count / total)) if count else 0) for place, count in parts]
    over = sum(size for _, size in sizes) - room
    largest = max(range(len(sizes)), key=lambda at: sizes[at][1])
    drawn = [(place, size - over if at == largest else size) for at, (place, size) in enumerate(sizes)]
    return "".join(
        paint("" if place is None else _STYLES[place], ("?" if place is None else _LETTERS[place]) * size)
        for place, size in drawn
    )


def _open(found: Backtest) -> Iterator[str]:
    open_ = sorted((each for each in found.flips if not each.certain), key=lambda each: -each.decisions)
    if not open_:
        return
    yield ""
    yield from wrapped("?: cannot be told, as the new rules read what was never gathered; the outcome lies between")
    for each in open_[:_MOST_OPEN]:
        between = f"{each.lowest.word} and {each.highest.word}"
        yield f"  {number(each.decisions):>9}  {each.before.word} → between {between}  (as {visible(each.example)})"
    if len(open_) > _MOST_OPEN:
        yield f"  … and {len(open_) - _MOST_OPEN} more kinds (--format json has them)"


def _rules(found: Backtest, paint: Paint) -> Iterator[str]:
    rules = telling(found.rules)
    labelled = found.labelled is not None and found.labelled.judged > 0
    longest = max([4, *(len(each.rule) + 9 * each.shadow for each in rules[:_MOST_RULES])])
    head = f"{'rule':{longest}}{'hits then':>11}{'hits now':>15}{'decides':>13}"
    yield paint("dim", head + (f"{'fraud':>9}{'legit.':>9}" if labelled else ""))
    for each in rules[:_MOST_RULES]:
        before = "–" if each.hits_before is None else number(each.hits_before)
        name = f"{each.rule} (shadow)" if each.shadow else each.rule
        line = f"{name:{longest}}{before:>11}{ranged(each.hits):>15}{ranged(each.decides):>13}"
        yield line + (f"{ranged(each.hits_fraud):>9}{ranged(each.hits_legitimate):>9}" if labelled else "")
    silent = len(found.rules) - len(rules)
    left = max(0, len(rules) - _MOST_RULES)
    if left:
        yield f"… and {left} more rules that hit (--format json has them)"
    if silent:
        yield f"{silent} rules hit nothing, then or now"
    yield from _gone(found)
    yield from wrapped(
        "decides: decisions whose outcome is another one without the rule; of a rule in shadow, with it live"
    )


def _gone(found: Backtest) -> Iterator[str]:
    """The rules that the new ones have not, the busiest first."""
    gone = found.lost_rules
    if not gone:
        return
    told = [f"{visible(each.rule)} ({number(each.hits_before)})" for each in gone[:_MOST_GONE]]
    left = f", … and {len(gone) - _MOST_GONE} more" if len(gone) > _MOST_GONE else ""
    yield from wrapped(f"not among the new rules, with the hits they had: {', '.join(told)}{left}")


def _labelled(labels: Labelled, paint: Paint) -> Iterator[str]:
    total = f"{counted(labels.judged, 'labelled account')}, each by its first decision in the period"
    yield paint("bold", total)
    yield f"{number(labels.after.fraud)} fraud, {number(labels.after.legitimate)} legitimate; from {labels.source}"
    yield paint("dim", f"{'':28}{'then':>24}{'under the new rules':>28}")
    rows = (
        ("fraud that is flagged", ranged(labels.before.caught), ranged(labels.after.caught)),
        ("legitimate that is flagged", ranged(labels.before.bothered), ranged(labels.after.bothered)),
        ("precision", shared(labels.before.precision), shared(labels.after.precision)),
        ("recall", shared(labels.before.recall), shared(labels.after.recall)),
        ("of the legitimate, flagged", shared(labels.before.bother), shared(labels.after.bother)),
    )
    for name, before, after in rows:
        yield f"{name:28}{before:>24}{after:>28}"
    yield "in brackets: 95 % confidence (Wilson)"
    if labels.later:
        told = f"left out, as they became known after {labels.until:%Y-%m-%d %H:%M} (--labels-until)"
        yield from wrapped(f"{counted(labels.later, 'label')} {told}")
    if labels.unknown_accounts:
        yield f"{counted(labels.unknown_accounts, 'label')} about accounts that were never screened here"


def _missing(found: Backtest) -> Iterator[str]:
    if found.counted:
        yield ""
        yield "counted anew from stored signups, each from those before it:"
        yield from (f"  {number(count):>9}  {visible(name)}" for name, count in found.counted.items())
    if found.never_gathered:
        yield ""
        yield "never gathered, and read by the new rules:"
        some = list(found.never_gathered.items())
        for name, count in some[:_MOST_SIGNALS]:
            yield f"  {number(count):>9}  {visible(name)}  ({percent(count, found.decisions)})"
        if len(some) > _MOST_SIGNALS:
            yield f"  … and {len(some) - _MOST_SIGNALS} more signals"
    if found.erased:
        yield f"{number(found.erased)} of the decisions are of erased accounts: only facts that name nobody are left"
