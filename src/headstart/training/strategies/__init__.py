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
