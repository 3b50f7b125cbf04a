"""Rungs above the first: what learns, what stays as it was, and what comes of it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from headstart.errors import HeadstartError, InputError
from headstart.features.store import open_data
from headstart.learning.loop import Trained
from headstart.paths import cache_folder
from headstart.progress import Silent
from headstart.training import adapt as adapting
from headstart.training import cost
from headstart.training.adapt import LEAST_VIEWS, adapt
from headstart.training.assemble import assemble, check_parity
from headstart.training.candidate import Candidate
from headstart.training.checkpoint import Checkpoint
from headstart.training.learner import Learner
from headstart.training.recipe import Recipe
from tests.training.small import (
    Small,
    candidate,
    pictures,
    ready,
    sentences,
    source,
    texts,
    unjudged,
    weights,
)

FAMILIES = {"timm": "blocks.1", "transformers": "encoder.layer.0"}
RUNGS = ["fine-tuning", "lora", "full-fine-tuning", "from-scratch"]


@pytest.fixture(scope="module")
def of_family(tmp_path_factory, cache) -> dict[str, Small]:
    folder = tmp_path_factory.mktemp("backbones")
    return {
        "timm": unjudged(ready(weights(folder), *pictures(48), epochs=2)),
        "transformers": unjudged(ready(texts(folder, "bert"), *sentences(80), epochs=2)),
    }


def of(small: Small, strategy: str, cut: str | None = None) -> Candidate:
    if strategy in ("fine-tuning", "lora"):
        cut = cut or FAMILIES[small.trunk.backbone.family]
    return candidate(small, strategy, cut)


def fit(small: Small, strategy: str, cut: str | None = None):
    return adapt(of(small, strategy, cut), source(small))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("strategy", RUNGS)
def test_frozen_means_frozen(of_family, family, strategy):
    """Left of the cut nothing changes, BatchNorm statistics no more than parameters; and when
    the training is over the backbone is whole again, hash for hash."""
    small = of_family[family]
    if (family, strategy) == ("timm", "lora"):
        pytest.skip("LoRA is for transformers")
    backbone = small.trunk.backbone
    names = list(backbone.module.state_dict())
    adapted = fit(small, strategy)
    assert backbone.state_hash() == backbone.fingerprint
    assert list(backbone.module.state_dict()) == names
    assert not any(module.training for module in backbone.module.modules())
    assert set(adapted.weights) <= set(names)
    stages = [stage.name for stage in backbone.stages]
    left = stages[: stages.index(adapted.cut) + 1] if adapted.cut else []
    assert not [name for name in adapted.weights for stage in left if f".{stage}." in name]
    statistics = [name for name in adapted.weights if name.endswith(("_mean", "_var"))]
    assert bool(statistics) == (strategy == "from-scratch" and family == "timm")


# From scratch, so short a training leaves scores that hardly depend on the weights.
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("strategy", RUNGS[:3])
def test_the_model_answers_like_the_trained_network(of_family, family, strategy):
    """Saved, compiled and without torch: the check that every save makes passes, and does not
    for the network as it was before."""
    small = of_family[family]
    if (family, strategy) == ("timm", "lora"):
        pytest.skip("LoRA is for transformers")
    adapted = fit(small, strategy)
    model = assemble(adapted, small.data)
    other = {
        name: each + 0.5
        for name, each in small.trunk.backbone.module.named_parameters()
        if each.ndim > 1
    }
    with pytest.raises(HeadstartError, match="does not answer like"):
        check_parity(model, replace(adapted, weights=other), small.data)


def test_every_part_of_the_tail_learns(of_family):
    small = of_family["timm"]
    adapted = fit(small, "full-fine-tuning")
    matrices = {n for n, p in small.trunk.backbone.module.named_parameters() if p.ndim > 1}
    assert matrices <= set(adapted.weights)
    assert adapted.trained_parameters > sum(
        stage.parameters for stage in small.trunk.backbone.stages
    )


def test_lora_trains_little(of_family):
    small = of_family["transformers"]
    assert fit(small, "lora").trained_parameters < fit(small, "fine-tuning").trained_parameters


def test_the_same_seed_gives_the_same(of_family):
    small = of_family["timm"]
    one, two = fit(small, "fine-tuning"), fit(small, "fine-tuning")
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    assert np.array_equal(one.head.arrays["weight"], two.head.arrays["weight"])


def stored(cut: str) -> int:
    """Bytes of the activations that the cache holds of a cut."""
    found = 0
    for path in (cache_folder() / "features").glob("*.lance"):
        data = open_data(path)
        if json.loads(data.schema.metadata[b"headstart"])["cut"] == cut:
            column = data.to_table(columns=["feature"])["feature"].combine_chunks()
            while hasattr(column, "flatten") and not pa.types.is_primitive(column.type):
                column = column.flatten()
            found += column.nbytes
    return found


def test_disk_is_told_before_it_is_taken(of_family):
    small = of_family["timm"]
    assert cost.disk(of(small, "full-fine-tuning"), source(small)) == 0
    for family, cut in (("timm", "blocks.2"), ("transformers", "encoder.layer.1")):
        small = of_family[family]
        told = cost.disk(of(small, "fine-tuning", cut), source(small))
        before = stored(cut)
        fit(small, "fine-tuning", cut)
        assert 0.5 * told < stored(cut) - before <= told


def test_measuring_trains_nothing(of_family):
    for family, small in of_family.items():
        for strategy in RUNGS:
            if (family, strategy) == ("timm", "lora"):
                continue
            usual, given = of(small, strategy), source(small)
            measured = cost.measure(usual, given, Silent())
            eased = usual.eased(0.25, learns_all=True)
            seconds = [cost.seconds(each, given, measured) for each in (eased, usual)]
            assert 0 < seconds[0] <= seconds[1]
            assert small.trunk.backbone.state_hash() == small.trunk.backbone.fingerprint


def test_fewer_views_are_stored_where_extraction_takes_the_time(of_family, tmp_path, monkeypatch):
    """And a run that goes on stores just as many, whatever time it has."""
    small = of_family["timm"]
    usual = of(small, "fine-tuning")
    checkpoint = Checkpoint(tmp_path / "rung")
    times = {"checkpoint": checkpoint, "deadline": time.monotonic() + 3600}
    monkeypatch.setattr(adapting, "EXTRACTION_SHARE", 0.0)
    late = adapt(usual, source(small), **times)
    assert late.candidate.recipe.views == LEAST_VIEWS < usual.recipe.views
    monkeypatch.undo()
    again = adapt(usual, source(small), **times)
    assert again.candidate.recipe.views == LEAST_VIEWS


def test_validation_items_are_not_begun_with_where_no_time_is_left(of_family, tmp_path):
    """What the ladder judged is then what it keeps; and a run that goes on leaves them out too."""
    small, now = of_family["timm"], time.monotonic()

    def ends(deadline, checkpoint=None, trained=None, seconds=60.0, learns_all=True):
        chosen = replace(of(small, "fine-tuning"), learns_all=learns_all)
        learner = Learner(chosen, source(small))
        training = adapting._Training(learner, checkpoint, Silent(), deadline)
        return training.has_time(trained or Trained(planned=10), seconds)

    checkpoint = Checkpoint(tmp_path / "rung")
    assert not ends(now + 30, checkpoint)
    assert not ends(now + 3600, checkpoint)
    assert ends(now + 3600)
    assert ends(None)
    assert not ends(None, trained=Trained(planned=10, shortened=True), seconds=1.0)
    assert not ends(None, seconds=1.0, learns_all=False)


@pytest.mark.parametrize(("family", "other"), [("timm", "from-scratch"), ("transformers", "lora")])
def test_two_at_once_give_what_each_gives_alone(of_family, family, other):
    """In threads, on copies of one backbone: none sees another's weights or draws."""
    small = of_family[family]
    asked = [("fine-tuning", None), ("full-fine-tuning", None), (other, None)]
    alone = [fit(small, *each) for each in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(lambda each: fit(small, *each), asked))
    for one, other in zip(alone, together, strict=True):
        assert one.weights.keys() == other.weights.keys()
        assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
        assert np.array_equal(one.head.arrays["weight"], other.head.arrays["weight"])
        assert np.array_equal(one.judged.scores, other.judged.scores)
    assert small.trunk.backbone.state_hash() == small.trunk.backbone.fingerprint


def test_lora_is_for_transformers(of_family):
    with pytest.raises(InputError, match="no transformer"):
        fit(of_family["timm"], "lora")


@pytest.mark.slow
def test_numbers_and_several_classes(tmp_path, cache):
    """Regression in the targets' own unit; multilabel."""
    items, labels = sentences(80)
    numbers = [1000.0 + 50 * (label == "a") for label in labels]
    small = ready(texts(tmp_path, "distilbert"), items, numbers, "regression", epochs=3)
    adapted = fit(small, "fine-tuning", "transformer.layer.0")
    model = assemble(adapted, small.data)
    values = model.scores(small.data).scores
    assert 990 < values.min() < values.max() < 1060
    assert len(adapted.judged.errors) == len(small.examples.parts["validation"])
    several = np.array(
        [[label == "a", "w2" in item] for item, label in zip(items, labels, strict=True)]
    )
    small = ready(texts(tmp_path, "gpt2"), items, several.astype(int), "multilabel", epochs=2)
    adapted = fit(small, "fine-tuning", "h.0")
    assert assemble(adapted, small.data).classes == ("0", "1")


@pytest.mark.slow
def test_classes_that_weigh_the_same(tmp_path, cache):
    items, labels = sentences(80)
    rare = [label if n % 8 == 0 else "b" for n, label in enumerate(labels)]
    rare[1:40:6] = ["a"] * len(rare[1:40:6])
    plain, balanced = (
        fit(ready(texts(tmp_path / how, "bert"), items, rare, epochs=2, balance=how), "fine-tuning")
        for how in ("none", "balanced")
    )
    # Of scores the difference, that of the rare class first, grows on average.
    lean = [each.head.scores(each.examples.parts["train"].features) for each in (plain, balanced)]
    rare_more = [float((scores[:, 0] - scores[:, 1]).mean()) for scores in lean]
    assert rare_more[1] > rare_more[0]


@pytest.mark.parametrize("side", ["train", "validation"])
def test_an_item_that_is_gone_is_named(tmp_path, cache, side):
    """Never are labels given to the items beside theirs."""
    arrays, labels = pictures(60)
    paths = [str(tmp_path / f"{number}.png") for number in range(60)]
    for path, array in zip(paths, arrays, strict=True):
        Image.fromarray(array).save(path)
    small = ready(weights(tmp_path), paths, labels, epochs=1)
    gone = paths[small.examples.parts[side].positions[3]]
    Path(gone).unlink()
    with pytest.raises(InputError, match=Path(gone).name):
        fit(small, "fine-tuning")


def test_what_came_frozen_stays_frozen(of_family):
    """A network's own choice of what learns is as it was, after each training."""
    small = of_family["transformers"]
    module = small.trunk.backbone.module
    name, parameter = next(iter(module.named_parameters()))
    parameter.requires_grad_(False)
    try:
        assert name not in fit(small, "full-fine-tuning").weights
        assert not parameter.requires_grad
    finally:
        parameter.requires_grad_(True)


def test_in_the_end_it_learns_from_validation_items_too_and_that_is_not_judged(
    tmp_path, cache, monkeypatch
):
    """What the ladder and the calibration go by is from before."""
    small = ready(texts(tmp_path, "bert"), *sentences(80), epochs=3)
    both = fit(small, "fine-tuning")
    monkeypatch.setattr(Recipe, "afterwards", lambda each: replace(each, epochs=1, rate=0.0))
    one = fit(small, "fine-tuning")
    assert np.array_equal(one.start.arrays["weight"], one.head.arrays["weight"])
    assert np.array_equal(one.start.arrays["weight"], both.start.arrays["weight"])
    assert np.array_equal(one.judged.errors, both.judged.errors)
    assert not np.allclose(both.start.arrays["weight"], both.head.arrays["weight"], atol=1e-6)
    assert any(not np.array_equal(both.weights[name], each) for name, each in one.weights.items())


def test_a_candidate_is_json_and_names_its_backbone(of_family):
    small = of_family["timm"]
    chosen = of(small, "fine-tuning")
    again = Candidate.from_json(json.loads(json.dumps(chosen.to_json())))
    assert again == chosen
    assert hash(again) == hash(chosen)
    with pytest.raises(HeadstartError, match="The candidate's fingerprint is 'other'"):
        adapt(replace(chosen, fingerprint="other"), source(small))
