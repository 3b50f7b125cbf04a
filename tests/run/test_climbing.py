"""Climbing: what is tried, what is kept, and why not."""

import json
import time
import weakref
from dataclasses import replace

import pytest

from headstart.errors import InputError
from headstart.progress import Silent
from headstart.run import whole_images
from headstart.run.climbing import climb
from headstart.search import budget, choose
from headstart.search.rungs import USUAL_DEPTH, Rung, cut_at, rungs_of
from headstart.training import adapt as adapting
from headstart.training import cost
from tests.training.small import Small, candidate, pictures, ready, sentences, source


class Told(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)


def climbed(small: Small, folder=None, progress=None, began=None):
    return climb(
        small.data,
        small.trunk,
        small.trunk,
        small.examples,
        small.spec,
        progress or Silent(),
        began=time.monotonic() if began is None else began,
        folder=folder,
        extracted=False,
    )


def of_texts(names, items=400, **options) -> Small:
    return ready(names["text"], *sentences(items), **options)


def test_without_a_budget_the_first_rung_is_all(names):
    done = climbed(of_texts(names, 60))
    assert [each.rung.strategy for each in done.tried] == ["feature-extraction"]
    assert done.tried[0].kept is None
    assert not done.best.weights


def test_an_outlook_is_given_where_the_choice_was_left(names):
    """Without a budget, and after a climb; of few items that nothing can be told."""
    few = climbed(of_texts(names, 60)).outlook
    assert few.budget is None
    assert "cannot tell a gain" in few.sentence
    alone = climbed(of_texts(names)).outlook
    assert alone.budget
    assert alone.sentence.startswith("Full-fine-tuning was not tried")
    assert climbed(of_texts(names, 60, strategy="fine-tuning", epochs=1)).outlook is None
    assert climbed(of_texts(names, 60, head="knn")).outlook is None
    assert climbed(of_texts(names, 60, budget="10m")).outlook == few


def test_an_outlook_after_a_climb(names):
    none = climbed(of_texts(names, budget="10m"), began=time.monotonic() - 600).outlook
    assert "was not tried; all of it takes about" in none.sentence
    assert int(none.budget[:-1]) > 10
    every = climbed(of_texts(names, budget="10m", epochs=1)).outlook
    assert every.budget is None


def test_the_network_is_timed_where_it_has_just_computed(names):
    small = of_texts(names)
    done = climb(
        small.data, small.trunk, small.trunk, small.examples, small.spec, Silent(),
        began=time.monotonic(), folder=None, extracted=True,
    )  # fmt: skip
    assert "would take about 1 min" in done.outlook.sentence
    assert done.outlook.budget == "1m"


def test_texts_begin_with_all_layers(names):
    rungs = list(rungs_of(of_texts(names, 60).trunk.backbone))
    assert [(each.strategy, each.cut) for each in rungs[:2]] == [
        ("full-fine-tuning", None),
        ("lora", "embeddings"),
    ]
    assert {each.strategy for each in rungs[2:]} == {"fine-tuning"}
    assert len(set(rungs)) == len(rungs)


def test_images_begin_with_a_third_of_the_network(names):
    backbone = ready(names["image"], *pictures(40)).trunk.backbone
    rungs = list(rungs_of(backbone))
    assert rungs[0] == Rung("fine-tuning", cut_at(backbone, 0.3))
    assert Rung("full-fine-tuning", None) in rungs


def test_what_does_not_fit_is_not_tried(names):
    done = climbed(of_texts(names, budget="1s"), began=time.monotonic() - 0.89)
    assert len(done.tried) > 1
    for each in done.tried[1:]:
        assert each.adapted is None
        assert each.kept is False
        assert "would take" in str(each.why)
    assert not done.best.weights


def test_a_budget_counts_from_the_start_of_the_run(names):
    done = climbed(of_texts(names, budget="10m"), began=time.monotonic() - 600)
    assert [each.adapted for each in done.tried[1:]] == [None] * (len(done.tried) - 1)
    assert all("too little time" in str(each.why) for each in done.tried[1:])


def test_rungs_that_buy_nothing_do_not_end_it(names, monkeypatch):
    monkeypatch.setattr(choose, "SURE", 0.0)
    monkeypatch.setattr(choose, "SURE_OF_MEAN", 0.0)
    told = Told()
    done = climbed(of_texts(names, budget="10m", epochs=1), progress=told)
    assert [each.kept for each in done.tried] == [True, False, False]
    assert [each.rung.strategy for each in done.tried[1:]] == ["full-fine-tuning", "lora"]
    assert done.best.strategy == "feature-extraction"
    assert all("about" in said for said in told.sentences)


def test_a_cut_is_tried_where_the_whole_does_not_fit(names, monkeypatch):
    seconds = cost.seconds
    monkeypatch.setattr(
        cost,
        "seconds",
        lambda candidate, *rest: 1e6 if candidate.cut is None else seconds(candidate, *rest),
    )
    done = climbed(of_texts(names, budget="10m", epochs=1))
    assert "would take" in str(done.tried[1].why)
    assert [each.rung.strategy for each in done.tried if each.adapted][1:] == [
        "lora",
        "fine-tuning",
    ]


def test_a_rung_is_eased_until_it_fits(names, tmp_path, monkeypatch):
    """And a run that goes on trains what the one before had decided."""
    trained = []
    adapt = adapting.adapt

    def told(candidate, *rest, **named):
        trained.append(candidate.recipe.epochs)
        return adapt(candidate, *rest, **named)

    monkeypatch.setattr(adapting, "adapt", told)
    monkeypatch.setattr(cost, "seconds", lambda candidate, *_: 1e4 * candidate.recipe.epochs)
    small = of_texts(names, budget="27h", epochs=16)  # of which 87,000 s are left for 16 epochs
    done = climbed(small, tmp_path / "unfinished")
    assert trained[0] == 8
    assert "50% of the usual views and epochs" in str(done.tried[1].why)
    monkeypatch.setattr(cost, "measure", lambda *_: pytest.fail("it was measured again"))
    climbed(small, tmp_path / "unfinished")
    assert trained[len(trained) // 2 :] == trained[: len(trained) // 2]


def test_a_real_gain_is_kept(names, monkeypatch):
    monkeypatch.setattr(choose, "SURE", 1.0)
    monkeypatch.setattr(choose, "SURE_OF_MEAN", 1.0)
    done = climbed(of_texts(names, budget="10m", epochs=4))
    kept = [each for each in done.tried if each.kept]
    assert len(kept) == 1
    assert kept[0].adapted is done.best
    assert done.best.strategy != "feature-extraction"
    assert "squared error" in str(kept[0].why)


def test_weights_of_what_is_not_the_model_are_let_go(names, monkeypatch):
    """What a report says of a lost rung stays."""
    monkeypatch.setattr(choose, "SURE", 0.0)
    monkeypatch.setattr(choose, "SURE_OF_MEAN", 0.0)
    adapt, made = adapting.adapt, []

    def noted(*asked, **how):
        adapted = adapt(*asked, **how)
        made.extend(weakref.ref(each) for each in adapted.weights.values())
        return adapted

    monkeypatch.setattr(adapting, "adapt", noted)
    done = climbed(of_texts(names, budget="10m", epochs=1))
    lost = done.tried[1].adapted
    assert made
    assert [each for each in made if each() is not None] == []
    assert lost.judged.metrics.keys() == done.best.judged.metrics.keys()
    assert lost.trained_parameters > done.best.trained_parameters
    assert lost.seconds > 0
    assert lost.head.arrays


def test_weights_of_a_best_that_was_beaten_are_let_go(names, monkeypatch):
    monkeypatch.setattr(choose, "SURE", 1.1)
    monkeypatch.setattr(choose, "SURE_OF_MEAN", 1.1)
    done = climbed(of_texts(names, budget="10m", epochs=1))
    beaten = [each for each in done.tried[1:] if each.adapted and not each.kept]
    assert beaten
    assert not any(each.adapted.weights for each in beaten)
    assert done.best.weights


def test_a_mean_is_kept_where_it_is_better_than_the_rung_alone(names, monkeypatch):
    def better(first, tuned, _seed):
        judged = replace(tuned.judged, errors=0.5 * first.judged.errors)
        return replace(tuned, judged=judged, averaged_with=first)

    monkeypatch.setattr(choose, "averaged", better)
    done = climbed(of_texts(names, budget="10m", epochs=4))
    assert done.best.averaged_with is done.tried[0].adapted
    assert "averaged with feature extraction: squared error -50%" in str(done.tried[1].why)


def test_few_validation_items_cannot_tell(names):
    done = climbed(of_texts(names, 60, budget="10m"))
    assert "cannot tell" in str(done.tried[1].why)
    assert len(done.tried) == 2


def test_the_disk_is_limited(names):
    done = climbed(of_texts(names, budget="10m", store_limit="1k", epochs=1))
    tails = [each for each in done.tried[1:] if each.rung.cut is not None]
    assert tails
    assert all("of activations are more than" in str(each.why) for each in tails)


def test_a_cut_that_takes_too_much_disk_is_refused(names):
    with pytest.raises(InputError, match=r"store-limit, name a later --cut"):
        climbed(of_texts(names, strategy="fine-tuning", cut="embeddings", store_limit="1k"))


def test_a_later_cut_is_taken_where_the_usual_one_does_not_fit(names):
    small = ready(names["image"], *pictures(40), strategy="fine-tuning", epochs=1)
    usual = candidate(small, "fine-tuning", cut_at(small.trunk.backbone, USUAL_DEPTH))
    limited = ready(
        names["image"],
        *pictures(40),
        strategy="fine-tuning",
        epochs=1,
        store_limit=f"{cost.disk(usual, source(small)) - 1}B",
    )
    done = climbed(limited)
    assert done.tried[1].rung.cut != usual.cut
    assert any("rather than" in said for said in done.warnings)


def test_a_backbone_that_cannot_be_cut_so(names):
    with pytest.raises(InputError, match="has no stage 'nowhere'"):
        climbed(of_texts(names, 60, strategy="fine-tuning", cut="nowhere"))


def test_what_was_asked_for_is_given_or_why_not(names):
    done = climbed(of_texts(names, strategy="fine-tuning", epochs=1))
    first, asked = done.tried
    assert {first.kept, asked.kept} == {True, False}
    if asked.kept:
        assert str(asked.why).startswith("asked for")
        assert done.best.strategy == "fine-tuning"
    else:
        assert "feature extraction, which is kept" in str(asked.why)
        assert done.best.strategy == "feature-extraction"


@pytest.mark.slow
def test_from_scratch_for_comparison(names):
    done = climbed(of_texts(names, 60, baseline="from-scratch", epochs=1))
    assert done.tried[-1].why == "for comparison"
    assert done.compared is done.tried[-1].adapted
    assert done.best.strategy == "feature-extraction"


def test_ctrl_c_keeps_the_best_so_far(names, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    small = of_texts(names, budget="10m", epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(adapting, "adapt", stop)
        done = climbed(small, tmp_path / "unfinished")
    assert done.stopped
    assert done.best.strategy == "feature-extraction"
    assert any("You stopped" in said for said in done.warnings)
    assert (tmp_path / "unfinished").is_dir()
    whole = climbed(small, tmp_path / "unfinished")
    assert len(whole.tried) > 2


def test_ctrl_c_without_a_folder_is_ctrl_c(names, monkeypatch):
    """Nothing was kept to go on from, and a program around it wants to stop too."""

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapting, "adapt", stop)
    with pytest.raises(KeyboardInterrupt):
        climbed(of_texts(names, budget="10m", epochs=1))


def test_ctrl_c_in_a_comparison_keeps_the_model(names, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapting, "adapt", stop)
    small = of_texts(names, 60, baseline="from-scratch", epochs=1)
    done = climbed(small, tmp_path / "unfinished")
    assert done.stopped
    assert done.compared is None
    assert any("comparison" in said for said in done.warnings)


def test_the_last_stage_leaves_nothing_to_train(names):
    with pytest.raises(InputError, match="the last stage"):
        climbed(of_texts(names, 60, strategy="fine-tuning", cut="encoder.layer.2"))


def test_an_item_that_a_cut_cannot_hold_does_not_end_the_climb(names, monkeypatch):
    def overflow(*_, **__):
        raise InputError("text 7: its features are not finite numbers")

    monkeypatch.setattr(adapting, "adapt", overflow)
    done = climbed(of_texts(names, budget="10m", epochs=1))
    assert done.best.strategy == "feature-extraction"
    assert "text 7" in str(done.tried[1].why)


def test_what_is_stored_by_now_does_not_count_against_a_run_that_goes_on(
    names, tmp_path, monkeypatch
):
    options = {"strategy": "fine-tuning", "cut": "encoder.layer.0", "epochs": 1}
    small = of_texts(names, 60, **options, store_limit="1GB")
    climbed(small, tmp_path / "unfinished")
    monkeypatch.setattr(budget, "disk_limit", lambda _: 0)
    climbed(small, tmp_path / "unfinished")


def _older(folder, change):
    ladder = folder / "ladder.json"
    kept = json.loads(ladder.read_text())
    change(kept["decisions"])
    ladder.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    "change",
    [
        lambda decisions: decisions[1].update(share=0.5),
        lambda decisions: decisions[1].pop("left"),
        lambda decisions: decisions[0].pop("item"),
        lambda decisions: decisions[0].pop("whole images"),
    ],
    ids=["a key more", "a key less", "no time of an item", "no choice of images"],
)
def test_decisions_of_another_version_are_refused(names, tmp_path, change):
    small = of_texts(names, budget="10m", epochs=1)
    climbed(small, tmp_path / "unfinished")
    _older(tmp_path / "unfinished", change)
    with pytest.raises(InputError, match="is of another version of headstart; .*remove the folder"):
        climbed(small, tmp_path / "unfinished")


def test_a_cut_of_another_version_is_refused(names, tmp_path):
    small = of_texts(names, 60, strategy="fine-tuning", epochs=1)
    climbed(small, tmp_path / "unfinished")
    _older(tmp_path / "unfinished", lambda decisions: decisions[0].clear())
    with pytest.raises(InputError, match="is of another version of headstart"):
        climbed(small, tmp_path / "unfinished")


def test_what_was_decided_is_not_decided_again(names, tmp_path, monkeypatch):
    """A run that goes on follows the run that was killed, however fast the machine is now."""
    small = of_texts(names, budget="10m", epochs=1)
    first = climbed(small, tmp_path / "unfinished")

    def never(*_):
        raise AssertionError("it was measured again")

    monkeypatch.setattr(cost, "measure", never)
    again = climbed(small, tmp_path / "unfinished")
    assert [each.rung for each in again.tried] == [each.rung for each in first.tried]
    assert [each.why for each in again.tried] == [each.why for each in first.tried]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"seed": 1}, "the data"), ({"epochs": 2}, "--epochs 1, but now it is 2")],
)
def test_an_unfinished_training_of_something_else_is_refused(names, tmp_path, change, said):
    options = {"budget": "10m", "epochs": 1}
    climbed(of_texts(names, **options), tmp_path / "unfinished")
    with pytest.raises(InputError, match=said):
        climbed(of_texts(names, **{**options, **change}), tmp_path / "unfinished")


@pytest.fixture
def asked(monkeypatch):
    """How often it was tried whether whole images are better."""
    calls = []

    def uncropped(_, trunk, first, *rest):
        calls.append(trunk)
        return trunk, first

    monkeypatch.setattr(whole_images, "ENOUGH", 10)
    monkeypatch.setattr(whole_images.feature_extraction, "uncropped", uncropped)
    return calls


@pytest.mark.parametrize(
    ("options", "times"),
    [({}, 1), ({"budget": "10m", "epochs": 1}, 1), ({"crop": 0.8}, 0), ({"head": "knn"}, 0),
     ({"strategy": "feature-extraction"}, 0)],
)  # fmt: skip
def test_whole_images_are_tried_unless_it_was_chosen_otherwise(names, asked, options, times):
    climbed(ready(names["image"], *pictures(40), **options))
    assert len(asked) == times


def test_whole_images_are_not_tried_with_few_or_very_many(names, asked, monkeypatch):
    small = ready(names["image"], *pictures(40))
    monkeypatch.setattr(whole_images, "ENOUGH", 100)
    climbed(small)
    monkeypatch.setattr(whole_images, "ENOUGH", 10)
    monkeypatch.setattr(whole_images, "MANY", 12)
    climbed(small)
    assert asked == []


def test_a_run_that_goes_on_tries_what_the_one_before_had_time_for(
    names, asked, tmp_path, monkeypatch
):
    small = ready(names["image"], *pictures(40), budget="10m", epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(whole_images, "TRIAL_SHARE", 0.0)
        climbed(small, tmp_path / "unfinished")
    assert asked == []
    climbed(small, tmp_path / "unfinished")
    assert asked == []
