"""Results as Markdown: what each peer reached, beside headstart on the same test items."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.peers.plan import OWN, PEERS
from bench.peers.scoring import (
    METRICS,
    Columns,
    columns,
    comparable,
    difference,
    matched,
    measured,
    point,
)

Results = Sequence[Mapping[str, Any]]

_HEADINGS = {"accuracy": "accuracy", "pearson_r": "Pearson r", "r2": "R2"}


def markdown(results: Results) -> str:
    """A table for each set and number of minutes, then what was refused, and on what it ran."""
    parts = []
    cells = {(each["dataset"], each["minutes"]) for each in results}
    for dataset, minutes in sorted(cells):
        some = [
            each for each in results if (each["dataset"], each["minutes"]) == (dataset, minutes)
        ]
        parts.append(_cell(dataset, minutes, some, results))
    for part in (_refusals(results), _about(results)):
        if part:
            parts.append(part)
    return "\n\n".join(parts) + "\n"


def _cell(dataset: str, minutes: float, some: Results, every: Results) -> str:
    task = some[0]["task"]
    names = METRICS[task]
    heads = [
        "peer",
        "runs",
        *(f"{_HEADINGS[name]} [95%]" for name in names),
        *(f"headstart less it: {_HEADINGS[name]}" for name in names),
        "training, s",
        "prediction, s",
        "peak, MiB",
        "epochs",
        "as good as headstart after",
    ]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for peer in _peers(some):
        rows = [each for each in some if each["peer"] == peer]
        lines.append(_line(_row(peer, rows, some, every, task)))
    title = f"### {dataset}, {minutes:g} minute{'' if minutes == 1 else 's'} ({task})"
    return title + "\n\n" + "\n".join(lines)


def _row(peer: str, rows: Results, some: Results, every: Results, task: str) -> list[str]:
    names = METRICS[task]
    done = sorted((each for each in rows if each["state"] == "done"), key=lambda each: each["seed"])
    if not done:
        states = ", ".join(sorted({each["state"] for each in rows}))
        return [peer, f"0 of {len(rows)}", *[states] * len(names), *[""] * (len(names) + 5)]
    reached = measured([columns(each) for each in done])
    pairs = _paired(done, some) if peer != OWN else []
    gained = difference([a for a, _ in pairs], [b for _, b in pairs]) if pairs else {}
    epochs = [each["answer"]["epochs"] for each in done]
    counted = [each for each in epochs if each is not None]
    after = _own_after(done, some, every) if peer == OWN else _after(done, some)
    return [
        peer,
        str(len(done)) if len(done) == len(rows) else f"{len(done)} of {len(rows)}",
        *(str(reached[name]) for name in names),
        *(_signed(gained[name]) if gained else "" for name in names),
        f"{median(each['answer']['seconds']['training'] for each in done):.0f}",
        f"{median(each['answer']['seconds']['predicting'] for each in done):.1f}",
        f"{max(each['peak_megabytes'] for each in done):,.0f}",
        f"{median(counted):.3g}" if counted else "",
        after,
    ]


def _paired(done: Results, some: Results) -> list[tuple[Columns, Columns]]:
    """headstart's and the peer's runs on the same."""
    return [(columns(ours), columns(theirs)) for theirs, ours in _with_own(done, some)]


def _with_own(done: Results, some: Results) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each run with headstart's on the same, where there is one."""
    own = [each for each in some if each["peer"] == OWN and each["state"] == "done"]
    return matched(done, own)


def _after(done: Results, some: Results) -> str:
    """When a peer's learning curve first is where headstart ends; the clock's off-time left out."""
    pairs = _with_own(done, some)
    with_curve = [(theirs, ours) for theirs, ours in pairs if theirs["answer"]["curve"]]
    if not with_curve:
        return ""
    times = []
    for theirs, ours in with_curve:
        name = METRICS[theirs["task"]][0]
        bar = point(columns(ours))[name]
        reached = [
            each["seconds"] for each in theirs["answer"]["curve"] if each["reached"][name] >= bar
        ]
        if point(columns(theirs))[name] >= bar:
            reached.append(theirs["answer"]["seconds"]["training"])
        times += reached[:1]
    return _times(times, len(with_curve))


def _own_after(done: Results, some: Results, every: Results) -> str:
    """The least training of any budget in which headstart is as good as the best peer here."""
    times, count = [], 0
    for ours in done:
        theirs = [
            each
            for each in some
            if each["peer"] != OWN and each["state"] == "done" and comparable(each, ours)
        ]
        if not theirs:
            continue
        count += 1
        name = METRICS[ours["task"]][0]
        bar = max(point(columns(each))[name] for each in theirs)
        budgets = [
            each["answer"]["seconds"]["training"]
            for each in every
            if each["peer"] == OWN
            and each["state"] == "done"
            and comparable(each, ours)
            and point(columns(each))[name] >= bar
        ]
        times += sorted(budgets)[:1]
    return f"(the best peer) {_times(times, count)}" if count else ""


def _times(times: Sequence[float], count: int) -> str:
    if not times:
        return f"never, of {count}"
    return f"{median(times):.0f} s ({len(times)} of {count})"


def _refusals(results: Results) -> str:
    """Each message once, with the sets and how often."""
    said: dict[tuple[str, str, str], list[str]] = {}
    for each in results:
        if each["state"] != "done":
            key = (each["peer"], each["state"], each["message"])
            said.setdefault(key, []).append(each["dataset"])
    lines = [
        f"- **{peer}** {state} on {', '.join(sorted(set(sets)))} ({len(sets)}): {message}"
        for (peer, state, message), sets in sorted(said.items())
    ]
    return "### Without an answer\n\n" + "\n".join(lines) if lines else ""


def _about(results: Results) -> str:
    """Processors, and the versions of each peer."""
    lines = [f"- processor: {each}" for each in sorted({_processor(each) for each in results})]
    for peer in _peers(results):
        rows = [each["answer"].get("versions") for each in results if each["peer"] == peer]
        found = {", ".join(f"{k} {v}" for k, v in each.items()) for each in rows if each}
        lines += [f"- {peer}: {each}" for each in sorted(found)]
    busiest = max((each["other_work"] for each in results), default=0.0)
    lines.append(f"- other work took at most {busiest:.0%} of the cores during a run")
    return "### What it ran on\n\n" + "\n".join(lines) if results else ""


def _processor(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    cores = len(machine.get("cores", ()))
    return f"{machine.get('processor', 'unknown')}, {cores} cores"


def _peers(results: Results) -> list[str]:
    order = {each.name: number for number, each in enumerate(PEERS)}
    return sorted({each["peer"] for each in results}, key=lambda name: (order.get(name, 99), name))


def _signed(found: Any) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"
