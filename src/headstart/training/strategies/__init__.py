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
    """The same where nothing is stored and the whole backbone learns: of its class, or itself."""
    ours = map(strategy_of, STRATEGIES.ours)
    whole = (each for each in ours if type(each) is type(strategy) and each.trains == "all")
    return next(whole, strategy)
