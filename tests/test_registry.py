"""Parts of other packages, used from the command line as ours are."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.registry import HEADS, READERS, Registry
from tests.runs import Forks, Place

ENTRY_POINTS = """
[headstart.heads]
centre = mylab:CentreHead
broken = mylab_is_gone:Head

[headstart.families]
mylab = mylab:load

[headstart.readers]
.lines = mylab:read

[headstart.exporters]
classes = mylab:export

[headstart.strategies]
biases = mylab:biases
mere = mylab:mere

[headstart.objectives]
cubic = mylab:Cubic

[headstart.trackers]
notebook = mylab:write_down
"""

PACKAGE = '''
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Biases:
    """The vectors of the whole network learn, and no matrix."""

    name: str = "biases"
    trains: str = "all"
    pretrained: bool = True
    own_weights: bool = True

    def recipe(self, usual, size):
        return replace(usual, rate=10 * usual.rate, weight_decay=0.0)

    def prepare(self, tail, backbone, dropout, seed):
        for parameter in tail.parameters():
            parameter.requires_grad_(parameter.ndim == 1)

    def adapter(self, tail, names):
        return None

    def finish(self, tail):
        pass


biases = Biases()
mere = Biases(name="mere", trains="head")


class Cubic:
    """A number an item; the loss is the third power of the error."""

    task = "regression"

    def __init__(self, centre, spread):
        self.centre, self.spread = centre, spread

    @classmethod
    def of(cls, targets, classes, *, balanced):
        return cls(float(targets.mean()), float(targets.std()) or 1.0)

    def targets(self, targets):
        import torch

        return torch.from_numpy((targets - self.centre) / self.spread).float()[:, None]

    def losses(self, scores, targets, smoothing):
        return (scores - targets).abs().pow(3).mean(dim=1)

    def loss(self, scores, targets, smoothing):
        Path("cubic.txt").write_text("asked")
        return self.losses(scores, targets, smoothing).mean()

    def validation_loss(self, answers, targets):
        return float((np.abs(answers - targets) ** 3).mean())


@dataclass(frozen=True)
class CentreHead:
    """The nearest class centre: minus the squared distance, times a factor, is the score."""

    name: ClassVar[str] = "centre"
    in_epochs: ClassVar[bool] = False
    stops_early: ClassVar[bool] = False
    kept: ClassVar[bool] = False
    choices: ClassVar[tuple[str, ...]] = ()
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]

    @property
    def trained_parameters(self):
        return self.arrays["centres"].size

    def scores(self, features):
        away = features[:, None] - self.arrays["centres"]
        return (-self.settings["factor"] * np.square(away).sum(axis=2)).astype(np.float32)

    @staticmethod
    def options(text):
        try:
            return {"factor": float(text)}
        except ValueError:
            raise ValueError("FACTOR in centre:FACTOR must be a number") from None

    @classmethod
    def fit(cls, features, targets, *, task, classes, factor=1.0, **_):
        centres = [features[targets == code].mean(axis=0) for code in range(classes)]
        return cls({"centres": np.stack(centres)}, {"task": task, "factor": factor})


def load(reference, *, offline, pool):
    from headstart.backbones.timm import backbone, create

    return backbone(f"mylab:{reference}", create(reference), licence="MIT", pool=pool)


def read(path):
    from headstart.data.table import Table

    rows = [line.split("=", 1) for line in path.read_text().splitlines()]
    columns = {"label": [row[0] for row in rows], "text": [row[1] for row in rows]}
    return Table(path.name, path.parent, columns, lambda row: f"{path.name}:{row + 1}")


def write_down(run):
    there = sorted(each.name for each in run.artefacts.iterdir() if each.suffix == ".html")
    lines = [run.name, run.params["option_track"], str(run.metrics["test_accuracy"]), *there]
    Path("notebook.txt").write_text("\\n".join(lines))


def export(model, out, *, offline):
    import openvino as ov

    from headstart.export import Answers, Written

    classes = model.classes[::-1] if out.name == "turned.txt" else model.classes
    out.write_text("\\n".join(classes))
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    network = ov.Core().compile_model(model.graph, "CPU", exact)

    def answer(given):
        named = out.read_text().splitlines()
        scores = model.head.scores(network(list(given))[0][:, : model.width])
        shares = model.probabilities(scores)
        return Answers(shares[:, [named.index(each) for each in model.classes]])

    return Written({"lines": len(model.classes)}, ("A class a line.",), answer)
'''


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with an installed package that brings a part of every kind."""
    folder = tmp_path_factory.mktemp("site")
    about = folder / "mylab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mylab\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "mylab.py").write_text(PACKAGE)
    return folder


@pytest.fixture(scope="module")
def headstart(lab, tmp_path_factory, warm):
    """The command, in a folder with data, where the package is installed."""
    place = Place(tmp_path_factory.mktemp("plugins"), warm)
    lines = [f"{('animal', 'part')[n % 2]}={('cat', 'gear')[n % 2]} number {n}" for n in range(24)]
    (place.folder / "notes.lines").write_text("\n".join(lines))
    with Forks(tmp_path_factory.mktemp("said"), lab) as forks:

        def run(*words):
            job = {"arguments": words, "cwd": str(place.folder), "cache": str(place.cache)}
            (done,) = forks.run(job)
            return done.code, done.out, done.err

        run.folder = place.folder
        yield run


def test_a_head_a_reader_and_an_exporter_of_another_package(headstart) -> None:
    fit = ("fit", "notes.lines", "--head", "centre:2", "--out", "model", "--offline", "--json")
    code, out, err = headstart(*fit)
    assert code == 0, err
    report = json.loads(out)
    assert report["head"] == "centre:2"
    assert sum(report["counts"][split] for split in ("train", "validation", "test")) == 24
    code, out, err = headstart("predict", "model", "cat number 99", "gear 7", "--json")
    assert code == 0, err
    assert [row["label"] for row in json.loads(out)["predictions"]] == ["animal", "part"]
    code, out, err = headstart("export", "model", "--format", "classes", "--out", "c.txt", "--json")
    assert code == 0, err
    assert json.loads(out)["lines"] == 2
    code, out, err = headstart("export", "model", "--format", "classes", "--out", "d.txt")
    assert (code, out.splitlines()[:2]) == (0, ["Written: d.txt", "A class a line."]), err
    code, _, err = headstart("export", "model", "--format", "classes", "--out", "turned.txt")
    assert (code, "does not answer like the model" in err) == (1, True)
    assert not (headstart.folder / "turned.txt").exists()


def test_a_strategy_of_another_package(headstart) -> None:
    fit = ("fit", "notes.lines", "--strategy", "biases", "--epochs", "1", "--offline", "--json",
           "--out", "biases")  # fmt: skip
    code, out, err = headstart(*fit)
    assert code == 0, err
    report = json.loads(out)
    last = report["rungs"][-1]
    assert (last["strategy"], last["cut"]) == ("biases", None)
    assert 0 < last["trained_parameters"] < report["backbone_facts"]["parameters"] / 100
    code, _, err = headstart(*fit, "--cut", "encoder.layer.1")
    assert code == 2
    assert "--cut is for --strategy fine-tuning and lora; --strategy biases chooses" in err


def test_a_strategy_of_another_package_that_adapts_nothing(headstart) -> None:
    code, _, err = headstart("fit", "notes.lines", "--strategy", "mere", "--offline", "--out", "no")
    assert code == 2
    assert "--strategy is 'mere' of another package, which says that it trains 'head'" in err
    assert "say --strategy feature-extraction, with a --head" in err
    assert not (headstart.folder / "no").exists()


def test_an_objective_of_another_package(headstart, lab) -> None:
    rows = "\n".join(f"number {n} of many,{n / 7}" for n in range(40))
    (headstart.folder / "numbers.csv").write_text(f"text,label\n{rows}\n")
    fit = ("fit", "numbers.csv", "--task", "regression", "--objective", "cubic", "--offline",
           "--out", "cubic")  # fmt: skip
    code, _, err = headstart(*fit)
    assert code == 2
    assert "--objective is for what trains more than the head" in err
    code, _, err = headstart(*fit, "--strategy", "full-fine-tuning", "--epochs", "1", "--json")
    assert code == 0, err
    assert (headstart.folder / "cubic.txt").read_text() == "asked"
    wrong = ("fit", "notes.lines", "--objective", "cubic", "--strategy", "full-fine-tuning")
    code, _, err = headstart(*wrong, "--offline", "--out", "wrong")
    assert code == 2
    assert "--objective is 'cubic', which is for regression, but the task is classification" in err


def test_a_tracker_of_another_package(headstart) -> None:
    fit = ("fit", "notes.lines", "--track", "notebook", "--offline", "--json", "--out", "tracked")
    code, out, err = headstart(*fit)
    assert code == 0, err
    accuracy = json.loads(out)["test"]["accuracy"]["value"]
    name, option, value, page = (headstart.folder / "notebook.txt").read_text().split("\n")
    assert name == "minilm-l6 feature-extraction"
    assert (option, float(value), page) == ("notebook", accuracy, "report.html")
    code, _, err = headstart(*fit[:3], "nothing", *fit[4:])
    assert code == 2
    assert "--track is 'nothing', but it must be one of none, mlflow" in err


def test_a_family_of_another_package(headstart) -> None:
    code, out, err = headstart("backbones", "mylab:test_resnet", "--offline", "--json")
    assert code == 0, err
    assert json.loads(out)["name"] == "mylab:test_resnet"


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ("centre:x", "--head is 'centre:x', but FACTOR in centre:FACTOR must be a number."),
        ("forest", "--head is 'forest', but it must be linear, mlp, knn, broken or centre."),
        ("broken:1", "The head 'broken' of another package cannot be imported"),
    ],
)
def test_what_another_package_refuses(headstart, head: str, sentence: str) -> None:
    code, _, err = headstart("fit", "notes.lines", "--head", head, "--out", "none", "--offline")
    assert code == 2
    assert sentence in err


def test_names_are_ours_first() -> None:
    assert tuple(HEADS)[:3] == ("linear", "mlp", "knn")
    assert ".csv" in READERS
    assert ".jpg" not in READERS
    with pytest.raises(InputError, match="did you mean 'linear'"):
        HEADS.resolve("linaer")
    assert (
        Registry("array", "headstart.nothing", {"zeros": "numpy:zeros"}).resolve("zeros")
        is np.zeros
    )


def test_every_part_of_ours_is_there() -> None:
    from headstart import registry

    every = [each for each in vars(registry).values() if isinstance(each, Registry)]
    assert len(every) >= 4
    for kind in every:
        for name in kind.ours:
            module = kind.ours[name].partition(":")[0].replace(".", "/")
            assert (Path(registry.__file__).parent.parent / f"{module}.py").is_file(), name


def test_garbage_is_collected_again_once_a_part_is_imported(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "hs_large.py").write_text("import gc\nwhile_imported = gc.isenabled()\n")
    (tmp_path / "hs_broken.py").write_text("1 / 0\n")
    names = {"state": "hs_large:while_imported", "broken": "hs_broken:nothing"}
    parts = Registry("part", "headstart.nothing", names)
    assert parts.resolve("state") is False
    with pytest.raises(ZeroDivisionError):
        parts.resolve("broken")
    assert gc.isenabled()
