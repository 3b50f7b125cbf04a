"""Near-duplicates: items that are copies of each other but for small changes, by content alone."""

from headstart.data.near.clusters import NearDuplicates, clustered
from headstart.data.near.images import image_pairs
from headstart.data.near.pairs import Pairs
from headstart.data.near.texts import text_pairs

__all__ = ["NearDuplicates", "Pairs", "clustered", "image_pairs", "text_pairs"]
