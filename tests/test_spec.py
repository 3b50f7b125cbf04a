import contextlib
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import InputError
from headstart.paths import cache_folder
from headstart.registry import STRATEGIES as REGISTERED
from headstart.spec import GROUPS, FitSpec, GenerateSpec, ReadSpec, spec_of
from headstart.spec.fit import BASELINES

STRATEGIES = ("auto", *REGISTERED.ours)
CUTTABLE = ("fine-tuning", "lora")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("seed", None, "--seed is None"),
        ("seed", 1.5, "--seed is 1.5"),
        ("seed", True, "--seed is True"),
        ("seed", -1, "--seed is -1"),
        ("epochs", 2.0, "--epochs is 2.0"),
        ("epochs", 0, "--epochs is 0"),
        ("test_size", None, "--test-size is None"),
        ("test_size", float("nan"), "--test-size is nan"),
    ],
)
def test_a_number_of_another_kind_is_refused(option: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FitSpec(**{option: value})


def test_numbers_that_are_allowed() -> None:
    assert FitSpec(seed=2**32 - 1, epochs=None, test_size=0.5).epochs is None
    assert FitSpec(head="mlp", epochs=3).epochs == 3


@pytest.mark.parametrize(
    "options",
    [
        {"head": "mlp:8"},
        {"budget": "5m"},
        {"strategy": "lora"},
        {"baseline": "from-scratch"},
        {"task": "generation"},
    ],
)
def test_epochs_are_for_what_is_trained_in_epochs(options: dict[str, Any]) -> None:
    assert FitSpec(epochs=3, **options).epochs == 3


def refused(**options: Any) -> str:
    with pytest.raises(InputError) as error:
        FitSpec(**options)
    return str(error.value)


def test_every_strategy_and_baseline_can_be_asked_for() -> None:
    for strategy in STRATEGIES:
        assert FitSpec(strategy=strategy).strategy == strategy
    for baseline in BASELINES:
        assert FitSpec(baseline=baseline).baseline == baseline


def test_words_that_are_not_among_the_choices_are_refused() -> None:
    assert refused(strategy="finetuning") == (
        "--strategy is 'finetuning', but it must be one of auto, feature-extraction, fine-tuning, "
        "full-fine-tuning, lora, from-scratch."
    )
    assert refused(baseline="zero") == (
        "--baseline is 'zero', but it must be one of none, from-scratch."
    )


def test_a_budget_is_a_time_for_auto() -> None:
    assert FitSpec(budget="5m").budget == "5m"
    assert FitSpec(strategy="auto", budget="1h30m").strategy == "auto"
    assert refused(budget="5 parsecs") == (
        "--budget is '5 parsecs', but it must be a time such as 90s, 5m, 10 min or 1h30m."
    )
    assert refused(budget="") == (
        "--budget is '', but it must be a time such as 90s, 5m, 10 min or 1h30m."
    )
    assert refused(budget="10") == (
        "--budget is '10', which has no unit; write 10s for seconds, 10m for minutes or 10h for "
        "hours."
    )
    for strategy in STRATEGIES[1:]:
        assert refused(budget="5m", strategy=strategy) == (
            f"--budget is for --strategy auto, which chooses what fits; {strategy} takes the time "
            "it takes (--epochs makes it shorter)."
        )


def test_a_cut_is_for_strategies_that_cut() -> None:
    for strategy in STRATEGIES:
        if strategy in CUTTABLE:
            assert FitSpec(strategy=strategy, cut="blocks.4").cut == "blocks.4"
        else:
            assert refused(strategy=strategy, cut="blocks.4") == (
                f"--cut is for --strategy fine-tuning and lora; --strategy {strategy} chooses for "
                "itself."
            )


def test_another_head_is_for_features_alone() -> None:
    for strategy in STRATEGIES[:2]:
        for head in ("knn", "mlp", "mlp:256"):
            assert FitSpec(strategy=strategy, head=head).head == head
    for options in ({"budget": "5m"}, *({"strategy": each} for each in STRATEGIES[2:])):
        assert FitSpec(head="linear", **options).head == "linear"
        assert refused(head="mlp:64", **options) == (
            "--head is 'mlp:64', but what is trained with the backbone is a linear head; leave "
            "--head out, or say --strategy feature-extraction."
        )


def test_a_store_limit_is_a_size() -> None:
    assert FitSpec(budget="5m", store_limit="5GB").store_limit == "5GB"
    for wrong in ("lots", "-5GB", "5 minutes", ""):
        assert refused(store_limit=wrong) == (
            f"--store-limit is {wrong!r}, but it must be a size such as 500MB or 5GB."
        )


@pytest.mark.parametrize("option", ["budget", "store_limit"])
def test_a_quantity_that_is_no_text_is_taken_or_refused_in_a_sentence(option: str) -> None:
    with contextlib.suppress(InputError):
        FitSpec(**{option: 300})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"store_limit": "1GB"}, "stores none"),
        ({"store_limit": "1GB", "strategy": "full-fine-tuning"}, "stores none"),
        ({"train_batchnorm": True}, "trains the head alone"),
        ({"flip": "any"}, "sees each image once"),
        ({"epochs": 5}, "--epochs is for what is trained in epochs; --head linear is solved"),
        ({"epochs": 5, "head": "knn"}, "--head knn is solved in one go"),
        ({"train_batchnorm": True, "strategy": "from-scratch"}, "always trains it"),
        ({"test": "x.csv", "test_size": 0.3}, "--test-size does nothing; leave one out"),
        ({"balance": "balanced", "task": "multilabel"}, "--balance is for classification alone"),
        ({"strategy": "from-scratch", "baseline": "from-scratch"}, "leave one out"),
        ({"crop": 1.5}, "--crop is 1.5"),
        ({"size": 5}, "--size is 5"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FitSpec(**options)


def test_the_cache_of_a_user_without_a_home(monkeypatch, tmp_path):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    for name in ("HEADSTART_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="HEADSTART_CACHE"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    with pytest.raises(InputError, match="HEADSTART_CACHE"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "headstart"
    monkeypatch.setenv("HEADSTART_CACHE", os.fsdecode(b"caf\xe9"))
    with pytest.raises(InputError, match="UTF-8"):
        cache_folder()
    monkeypatch.setenv("HEADSTART_CACHE", "here")
    assert cache_folder() == Path("here")


@pytest.mark.parametrize("options", [{"top_p": 0.5}, {"seed": 3}])
def test_without_chance_what_bounds_it_does_nothing(options: dict[str, Any]) -> None:
    assert GenerateSpec(temperature=0).temperature == 0
    with pytest.raises(InputError, match="does nothing at --temperature 0"):
        GenerateSpec(temperature=0, **options)


def test_an_option_that_is_not_there_names_the_nearest() -> None:
    assert spec_of(FitSpec, {"budget": "5m"}) == FitSpec(budget="5m")
    for wrong, right in (("epoch", "epochs"), ("testsize", "test_size"), ("lable", "label")):
        with pytest.raises(InputError, match=f"no option '{wrong}'; did you mean '{right}'"):
            spec_of(FitSpec, {wrong: 3})
    with pytest.raises(InputError, match=r"no option 'zzz'; there are input, .*, task\.$"):
        spec_of(ReadSpec, {"zzz": 3})


def test_every_option_of_fit_is_in_a_group() -> None:
    assert {each.metadata["group"] for each in fields(FitSpec)} == {*GROUPS}
