"""What a finished run on texts has to say besides: of perplexity, and what the model writes."""

from dataclasses import dataclass

from rich.console import Console, Group
from rich.text import Text

from headstart.report.columns import columns
from headstart.report.jsonable import Metrics, metrics_to_json
from headstart.report.report import FitReport
from headstart.report.result import interval
from headstart.report.terminal import Facts, section, show_done, show_next
from headstart.types import Unchecked
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
class GenerationReport(FitReport):
    """A finished `fit` of `--task generation`.

    Attributes:
        counts: documents per split and `skipped`, and `tokens` per split.
        test: `perplexity` per token on the test documents.
        baselines: the same of the `pretrained` model as it was.
        gain: by how much the `perplexity` fell; the interval is that of the paired difference.
        curve: perplexity per token on the validation documents, at the start and after each epoch.
        best_epoch: the one whose weights were kept; 0: those at the start.
        sample: what the model writes.
    """

    gain: Metrics
    curve: tuple[float, ...]
    best_epoch: int
    sample: Sample

    def _steps(self, folder: str) -> tuple[tuple[str, str], ...]:
        return (("let it write", f'headstart generate {folder} "PROMPT"'),)

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        show_done(console, self, [("texts", _texts(self))], _model(self))
        section(console, "Result", _result(self))
        _show_sample(self.sample, console)
        show_next(console, self)

    def __repr__(self) -> str:
        reached = figure(self.test["perplexity"].value)
        return f"<Report of a fit on {shown(self.dataset)!r}: perplexity {reached}>"

    def to_json(self) -> Unchecked:
        """See `FitReport.to_json`."""
        return super().to_json() | {
            "gain": metrics_to_json(self.gain),
            "sample": {"prompt": self.sample.prompt, "text": self.sample.text},
        }


def _texts(report: GenerationReport) -> str:
    counts, tokens = report.counts, report.counts["tokens"]
    return ", ".join(
        f"{count(counts[name])} to {verb} ({short(tokens[name])} tokens)"
        for name, verb in (("train", "train"), ("validation", "validate"), ("test", "test"))
    )


def _model(report: GenerationReport) -> Facts:
    cut = f"after {report.cut}, from stored states" if report.cut else "before the first stage"
    trained = report.rungs[-1].trained_parameters
    epochs = len(report.curve) - 1
    return [
        ("strategy", f"{report.strategy}, cut {cut}; {short(trained)} trainable parameters"),
        ("epochs", f"{items(epochs, 'epoch')}, the best is number {report.best_epoch}"),
        ("seed", str(report.seed)),
        ("time", duration(report.seconds["total"])),
    ]


def _result(report: GenerationReport) -> Group:
    before, after = report.baselines[PRETRAINED]["perplexity"], report.test["perplexity"]
    fell = report.gain["perplexity"]
    said = f"perplexity {figure(after.value)} per token, {figure(before.value)} before"
    if fell.low > 0:
        clear = f"it fell by {figure(fell.value)} ({interval(fell)})"
    elif fell.high < 0:
        clear = f"it rose by {figure(-fell.value)}: the pretrained model is better on such texts."
    else:
        clear = "that is no clear gain over the pretrained model. More texts may help."
    table = columns(("perplexity *", "test", "95% interval"), right=("test",))
    for name, found in ((PRETRAINED, before), (report.strategy, after)):
        table.add_row(Text(name), figure(found.value), interval(found))
    table.add_row(Text("* lower is better", style="dim"))
    return Group(Text(said, style="bold"), Text(clear), Text(), table)


def _show_sample(sample: Sample, console: Console) -> None:
    prompt, text = (harmless(part[:MOST_SHOWN]) for part in (sample.prompt, sample.text))
    section(console, "It writes", Text(prompt, style="dim").append(text, style="default"))
