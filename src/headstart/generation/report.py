"""What a finished run on texts has to say: the content of its `report.json`, and of a terminal."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from headstart.data.dataset import Skipped
from headstart.evaluation import Interval
from headstart.report.columns import columns
from headstart.report.jsonable import Metrics, jsonable, metrics_to_json
from headstart.report.notebook import Showable
from headstart.report.report import Rung
from headstart.report.terminal import facts, section, show_skipped, show_warnings
from headstart.wording import count, duration, figure, harmless, items, short, shown

PRETRAINED = "pretrained"
MOST_SHOWN = 600
"""Characters of the sample that are shown."""


@dataclass(frozen=True)
class Sample:
    """What the model writes.

    Attributes:
        prompt: the start of a test text.
        text: what the model goes on with; the seed is the run's.
    """

    prompt: str
    text: str


@dataclass(frozen=True, kw_only=True)
class GenerationReport(Showable):
    """A finished `fit` of `--task generation`; names mean what they mean in `Report`.

    Attributes:
        counts: documents per split and `skipped`, and `tokens` per split.
        test: `perplexity` per token on the test documents.
        baselines: the same of the `pretrained` model as it was.
        gain: by how much the `perplexity` fell; the interval is that of the paired difference.
        curve: perplexity per token on the validation documents, at the start and after each epoch.
        best_epoch: the one whose weights were kept; 0: those at the start.
        sample: what the model writes; None where it was not asked.
    """

    dataset: str
    backbone: str
    strategy: str
    cut: str | None
    seed: int
    counts: Mapping[str, Any]
    test: Metrics
    baselines: Mapping[str, Metrics]
    gain: Metrics
    rungs: tuple[Rung, ...]
    curve: tuple[float, ...]
    best_epoch: int
    seconds: Mapping[str, float]
    store: Mapping[str, int]
    versions: Mapping[str, str]
    backbone_facts: Mapping[str, Any]
    sample: Sample | None = None
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    model: str | None = None
    task: str = "generation"

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        show_generation(self, console)

    def __repr__(self) -> str:
        reached = figure(self.test["perplexity"].value)
        return f"<Report of a fit on {shown(self.dataset)!r}: perplexity {reached}>"

    def to_json(self) -> dict[str, Any]:
        """The content of `report.json`; NaN and infinity are null there."""
        plain = {
            each.name: jsonable(getattr(self, each.name))
            for each in fields(self)
            if each.name not in ("test", "baselines", "gain", "rungs", "skipped", "sample")
        }
        return plain | {
            "test": metrics_to_json(self.test),
            "baselines": {name: metrics_to_json(each) for name, each in self.baselines.items()},
            "gain": metrics_to_json(self.gain),
            "rungs": [each.to_json() for each in self.rungs],
            "skipped": [{"item": each.item, "reason": each.reason} for each in self.skipped],
            "sample": None
            if self.sample is None
            else {"prompt": self.sample.prompt, "text": self.sample.text},
        }


def show_generation(report: GenerationReport, console: Console) -> None:
    """Print what was read and done, how good it is, what the model writes, and what to do next."""
    section(console, f"Data: {report.dataset}", facts(_data(report)))
    listed = "--json lists them all" if report.model is None else f"in {report.model}/report.json"
    show_skipped(console, report.skipped, listed)
    show_warnings(console, report.warnings)
    section(console, "Model", facts(_model(report)))
    section(console, "Result", _result(report))
    if report.sample is not None:
        _show_sample(report.sample, console)
    section(console, "Next", None)
    if report.model is None:
        console.print(Text("  keep a model: fit again, and name a folder for it with --out DIR"))
        return
    console.print(Text("  let it write", style="dim"))
    folder = shlex.quote(report.model)
    console.print(Text(f'    headstart generate {shown(folder)} "PROMPT"'), soft_wrap=True)


def _data(report: GenerationReport) -> list[tuple[str, str]]:
    counts, tokens = report.counts, report.counts["tokens"]
    split = ", ".join(
        f"{count(counts[name])} to {verb} ({short(tokens[name])} tokens)"
        for name, verb in (("train", "train"), ("validation", "validate"), ("test", "test"))
    )
    return [("texts", split), *(("notes", note) for note in report.notes)]


def _model(report: GenerationReport) -> list[tuple[str, str]]:
    known = report.backbone_facts
    licence = f", licence {known['licence']}" if known.get("licence") else ""
    cut = f"after {report.cut}, from stored states" if report.cut else "before the first stage"
    trained = report.rungs[-1].trained_parameters
    epochs = len(report.curve) - 1
    rows = [
        ("backbone", f"{report.backbone} ({short(known['parameters'])} parameters{licence})"),
        ("strategy", f"{report.strategy}, cut {cut}; {short(trained)} trainable parameters"),
        ("epochs", f"{items(epochs, 'epoch')}, the best is number {report.best_epoch}"),
        ("seed", str(report.seed)),
        ("time", duration(report.seconds["total"])),
    ]
    return rows if report.model is None else [*rows, ("saved in", report.model)]


def _result(report: GenerationReport) -> Group:
    before, after = report.baselines[PRETRAINED]["perplexity"], report.test["perplexity"]
    fell = report.gain["perplexity"]
    said = f"perplexity {figure(after.value)} per token, {figure(before.value)} before"
    if fell.low > 0:
        clear = f"it fell by {figure(fell.value)} ({_between(fell)})"
    elif fell.high < 0:
        clear = f"it rose by {figure(-fell.value)}: the pretrained model is better on such texts."
    else:
        clear = "that is no clear gain over the pretrained model. More texts may help."
    table = columns(("perplexity *", "test", "95% interval"), right=("test",))
    for name, found in ((PRETRAINED, before), (report.strategy, after)):
        table.add_row(Text(name), figure(found.value), _between(found))
    table.add_row(Text("* lower is better", style="dim"))
    return Group(Text(said, style="bold"), Text(clear), Text(), table)


def _between(found: Interval) -> str:
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "-"
    return f"{figure(found.low)} to {figure(found.high)}"


def _show_sample(sample: Sample, console: Console) -> None:
    prompt, text = (harmless(part[:MOST_SHOWN]) for part in (sample.prompt, sample.text))
    section(console, "It writes", Text(prompt, style="dim").append(text, style="default"))
