"""How a language model writes."""

from dataclasses import dataclass

from headstart.errors import InputError
from headstart.spec.option import check, flag, option


@dataclass(frozen=True, kw_only=True)
class GenerateSpec:
    """How a text is continued."""

    length: int = option(100, "Most tokens to write.", low=1, high=1_000_000, group=None)
    temperature: float = option(
        0.8,
        "How much is left to chance; 0 always takes the likeliest token.",
        low=0,
        high=10,
        group=None,
    )
    top_p: float = option(
        0.95,
        "Choose among the likeliest tokens that together have this probability.",
        low=0.01,
        high=1,
        group=None,
    )
    seed: int = option(0, "Every random choice follows from it.", low=0, high=2**32 - 1, group=None)

    def __post_init__(self) -> None:
        check(self)
        for name in ("top_p", "seed"):
            if self.temperature == 0 and getattr(self, name) != getattr(type(self), name):
                raise InputError(
                    f"{flag(name)} does nothing at --temperature 0, which leaves nothing to "
                    "chance; leave one of them out."
                )
