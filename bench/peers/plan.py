"""Who is measured on what, for how long, how often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["image", "text"]

SCRIPTS = Path(__file__).with_name("scripts")
OWN = "headstart"
MINUTES = (1.0, 3.0, 6.0)
EVERYWHERE = 3.0
"""Minutes that every set gets; the others are for one set of pictures and one of texts."""

ALSO = ("solar", "sentences")
SEEDS = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool with one of its recipes.

    Attributes:
        environment: which virtual environment, `requirements/NAME.txt`; None: this one.
        kinds: what it is asked about; what it refuses then is recorded.
    """

    name: str
    script: Path
    environment: str | None
    variant: str = ""
    kinds: tuple[Kind, ...] = ("image", "text")


PEERS = (
    Peer(OWN, SCRIPTS / "own_command.py", None),
    Peer("tfidf", SCRIPTS / "tfidf.py", "shared", kinds=("text",)),
    Peer("fastai", SCRIPTS / "fast.py", "fastai"),
    Peer("autogluon", SCRIPTS / "auto_gluon.py", "autogluon"),
    Peer("trainer-docs", SCRIPTS / "trainer.py", "shared", "docs"),
    Peer("trainer-example", SCRIPTS / "trainer.py", "shared", "example"),
    Peer("setfit", SCRIPTS / "set_fit.py", "shared", kinds=("text",)),
    Peer("keras", SCRIPTS / "keras_guide.py", "shared"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One peer, one set, one split, so many minutes."""

    peer: Peer
    dataset: str
    minutes: float
    seed: int

    def file(self, folder: Path) -> Path:
        """Where its result goes."""
        return folder / f"{self.dataset}-{self.minutes:g}m-seed{self.seed}-{self.peer.name}.json"


def runs(
    kinds: dict[str, Kind],
    peers: Sequence[Peer] = PEERS,
    minutes: Sequence[float] | None = None,
    seeds: int = SEEDS,
) -> Iterator[Run]:
    """Seed by seed, so that a plan that is cut short has something of everything.

    Args:
        kinds: what the items of each set are, by its name.
        peers: which, in this order.
        minutes: for every set; None: the plan of this module.
        seeds: how many splits of each set.
    """
    for seed in range(seeds):
        for dataset, kind in kinds.items():
            planned = minutes or (MINUTES if dataset in ALSO else (EVERYWHERE,))
            for each in planned:
                for peer in peers:
                    if kind in peer.kinds:
                        yield Run(peer, dataset, each, seed)
