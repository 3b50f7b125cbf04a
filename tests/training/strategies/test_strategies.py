"""Strategies by name, and what each is where the whole backbone learns."""

from dataclasses import dataclass

from headstart.training.strategies import strategy_of, uncut


@dataclass(frozen=True)
class BiasesAlone:
    """Of another package."""

    name: str = "biases"
    trains: str = "tail"
    pretrained: bool = True
    own_weights: bool = True


def test_without_a_cut_fine_tuning_is_full():
    assert uncut(strategy_of("fine-tuning")) is strategy_of("full-fine-tuning")


def test_without_a_cut_every_other_strategy_is_itself():
    for name in ("lora", "full-fine-tuning", "from-scratch"):
        assert uncut(strategy_of(name)) is strategy_of(name)
    another = BiasesAlone()
    assert uncut(another) is another
