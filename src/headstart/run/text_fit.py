"""The only `fit` of a language model: prepare, adapt, measure and finish, as of any other."""

from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from headstart import sealed
from headstart.backbones.fingerprint import fingerprint
from headstart.data.dataset import Dataset
from headstart.generation import saved
from headstart.generation.report import PRETRAINED, GenerationReport
from headstart.generation.saved import LanguageModel
from headstart.progress import Clock, Progress
from headstart.run.finish import finish
from headstart.run.perplexities import measure, reported, sample
from headstart.run.tuning import Prepared, adapt, prepare
from headstart.spec import FitSpec, chosen
from headstart.tracking import refuse_remote
from headstart.training.checkpoint import Unfinished
from headstart.training.run_identity import run_identity
from headstart.types import Unchecked


@dataclass(frozen=True)
class TextRun:
    """A finished `fit` of `task="generation"`."""

    model: LanguageModel
    report: GenerationReport

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def fit(
    data: str | Path | Dataset,
    spec: FitSpec,
    progress: Progress,
    clock: Clock,
    *,
    name: str = "(in memory)",
    out: Path | None = None,
) -> TextRun:
    """Adapt a language model to texts, measure it, and save it where asked.

    Args:
        data: a text file, a folder of them, a table, the name of a hub data set, or a `Dataset`.
        spec: the options.
        progress: shows what is going on.
        clock: times the parts.
        name: what the report calls the data.
        out: the folder to save in; None saves nothing.

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    refuse_remote(spec.track, offline=spec.offline)
    prepared = prepare(data, spec, clock)
    network, preprocessing = prepared.causal.model, prepared.causal.preprocessing
    unfinished = None
    if out is not None:
        digest, weights = prepared.arranged.digest, fingerprint(network)
        identity = run_identity(digest, prepared.trunk, weights, spec)
        unfinished = Unfinished(sealed.beside(out, "unfinished"), identity)
        unfinished.check()
    before = measure(prepared, progress, "Measuring the pretrained model")
    clock.lap("evaluate")
    tuned = adapt(prepared, spec, progress, unfinished)
    network.load_state_dict(tuned.weights, strict=False)
    clock.lap("train")
    after = measure(prepared, progress, "Measuring the adapted model")
    model = LanguageModel(network, Tokenizer.from_str(preprocessing.tokenizer), {})
    with progress.stage("Writing a sample", None):
        written = sample(model, prepared, spec.seed)
    clock.lap("evaluate")
    report = reported(name, prepared, tuned, before, after, written, spec.seed)
    report = replace(report, options=chosen(spec))
    about = _about(report, prepared)

    def save(folder: Path) -> None:
        saved.write(folder, prepared.causal, tuned.adapter, about)

    report = finish(report, save, out, unfinished, progress, clock, spec.track)
    return TextRun(replace(model, about=about), report)


def _about(report: GenerationReport, prepared: Prepared) -> Unchecked:
    """What model.json says of how the model was made."""
    before, after = report.baselines[PRETRAINED], report.test
    return {
        "backbone": prepared.causal.backbone.identity(),
        "cut": report.cut,
        "strategy": report.strategy,
        "seed": report.seed,
        "metrics": {
            "perplexity": after["perplexity"].to_json(),
            PRETRAINED: before["perplexity"].to_json(),
        },
        "versions": dict(report.versions),
    }
