"""How a backbone is adapted: a file each; see `contract` for what a strategy is."""

from headstart.registry import STRATEGIES
from headstart.training.strategies.contract import Strategy


def strategy_of(name: str) -> Strategy:
    """The strategy of a name.

    Raises:
        InputError: there is none.
    """
    found: Strategy = STRATEGIES.resolve(name)
    return found


def uncut(strategy: Strategy) -> Strategy:
    """What to call a strategy that trains a tail where the tail is the whole backbone.

    Where the weights themselves learn it is the strategy that trains all of them.
    """
    if not strategy.own_weights:
        return strategy
    every = map(strategy_of, STRATEGIES.ours)
    return next(each for each in every if each.trains == "all" and each.pretrained)
