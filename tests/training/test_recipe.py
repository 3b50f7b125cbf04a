import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.registry import STRATEGIES
from headstart.search.budget import EFFORTS
from headstart.spec import FitSpec
from headstart.training.recipe import STEPS, Recipe, Size, recipe_for
from headstart.training.strategies import strategy_of

GRADIENT = [name for name in STRATEGIES if strategy_of(name).trains != "head"]
MODALITIES = ("image", "text")


def usual(strategy, modality, items, spec, width=None):
    return recipe_for(strategy_of(strategy), Size(modality, items, width), spec)


@settings(deadline=None)
@given(items=st.integers(1, 100_000), batch=st.integers(2, 512))
def test_the_steps_of_an_epoch_cover_every_item_once(items, batch):
    steps = Recipe(epochs=1, batch=batch).steps(items)
    assert (steps - 1) * batch < items <= steps * batch + 1


@settings(deadline=None)
@given(steps=st.integers(1, 2000), warmup=st.floats(0, 1))
def test_the_rate_rises_and_then_falls_and_is_never_nothing(steps, warmup):
    recipe = Recipe(epochs=1, warmup=warmup)
    rates = [recipe.rate_at(step, steps) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_the_rate_ends_near_nothing_and_reaches_its_top_after_the_warmup():
    recipe = Recipe(epochs=1, warmup=0.1)
    rates = [recipe.rate_at(step, 1000) for step in range(1000)]
    assert rates.index(max(rates)) == 100
    assert rates[100] == 1
    assert rates[-1] < 1e-4


@pytest.mark.parametrize("strategy", GRADIENT)
@pytest.mark.parametrize("modality", MODALITIES)
@settings(deadline=None)
@given(items=st.integers(1, 200_000))
def test_the_defaults_fit_any_number_of_items(strategy, modality, items):
    recipe = usual(strategy, modality, items, FitSpec(strategy=strategy))
    assert 4 <= recipe.epochs <= 40
    assert 4 <= recipe.batch <= 32
    assert recipe.rate > 0
    assert recipe.views >= 1
    if 1000 < items < 5000:
        assert recipe.epochs * recipe.steps(items) <= 3 * STEPS


@settings(deadline=None)
@given(items=st.integers(1, 200_000), width=st.integers(16, 5000))
def test_an_encoder_of_texts_is_tuned_in_a_few_epochs(items, width):
    for strategy in GRADIENT:
        recipe = usual(strategy, "text", items, FitSpec(), width=width)
        if "fine-tuning" in strategy:
            assert 2 <= recipe.epochs <= 4
            assert 1e-5 <= recipe.rate <= 1.5e-4
        if strategy == "lora":
            assert 1e-4 <= recipe.rate <= 1e-3
        if strategy == "from-scratch":
            assert recipe.rate == 3e-4
            assert recipe.epochs >= 8


def test_wide_encoders_learn_more_slowly():
    rates = [
        usual("full-fine-tuning", "text", 5000, FitSpec(), width=width).rate
        for width in (128, 384, 768, 1024, 4096)
    ]
    assert rates == pytest.approx([1.5e-4, 1.5e-4, 3.75e-5, 2.109375e-5, 1e-5])


def test_few_texts_are_passed_over_more_often_than_many():
    epochs = [
        usual("fine-tuning", "text", items, FitSpec(), width=384).epochs
        for items in (100, 10_000, 20_000, 100_000)
    ]
    assert epochs == [4, 4, 2, 2]


def test_a_model_that_writes_has_a_recipe_of_its_own():
    recipe = usual("full-fine-tuning", "text", 1000, FitSpec())
    assert (recipe.rate, recipe.epochs) == (3e-5, 20)


@pytest.mark.parametrize("strategy", GRADIENT)
@pytest.mark.parametrize("modality", MODALITIES)
def test_what_the_user_asked_for_is_done(strategy, modality):
    always = strategy == "from-scratch"
    spec = FitSpec(strategy=strategy, epochs=77, train_batchnorm=not always)
    recipe = usual(strategy, modality, 500, spec)
    assert recipe.epochs == 77
    assert recipe.train_batchnorm


def test_a_text_is_never_mixed_with_another_and_has_one_view():
    for strategy in GRADIENT:
        recipe = usual(strategy, "text", 500, FitSpec())
        assert (recipe.mixup, recipe.views) == (0, 1)


def test_batchnorm_follows_the_data_from_scratch_and_in_a_climb_with_items_enough():
    def learns(items, **options):
        return [
            each
            for each in GRADIENT
            if usual(each, "image", items, FitSpec(**options)).train_batchnorm
        ]

    assert learns(500, strategy="fine-tuning") == ["from-scratch"]
    assert learns(100, budget="5m") == ["from-scratch"]
    assert learns(500, budget="5m") == list(GRADIENT)


@given(st.integers(1, 40), st.integers(1, 8), st.sampled_from(EFFORTS), st.integers(100, 9999))
def test_easing_makes_nothing_longer_and_leaves_something_to_learn(epochs, views, effort, items):
    usual = Recipe(epochs=epochs, views=views)
    eased = usual.eased(effort)
    assert 1 <= eased.epochs <= epochs
    assert eased.share == min(1, effort * epochs)
    assert 1 <= eased.cost(items) <= usual.cost(items)
    assert min(2, views) <= eased.views <= views
    assert usual.eased(1) == usual


def test_what_comes_afterwards_is_short_and_gentle():
    recipe = Recipe(epochs=12, rate=1e-3, train_batchnorm=True)
    after = recipe.afterwards()
    assert (after.epochs, after.rate) == (3, pytest.approx(3e-4))
    assert after.train_batchnorm
    assert Recipe(epochs=1).afterwards().epochs == 1
