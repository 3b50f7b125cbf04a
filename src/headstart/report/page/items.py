"""What a page of data shows of single items, while the data is there."""

from collections.abc import Iterable, Mapping

from headstart.data.dataset import Dataset
from headstart.report.page.keep import shown_of
from headstart.types import Unchecked

MOST_CHARACTERS = 2_000_000
"""Of all items together, as they stand on a page: it can be sent by mail."""


def of_items(
    data: Dataset, digests: Iterable[str], places: Mapping[str, int]
) -> dict[str, Unchecked]:
    """By digest, thumbnails or texts of some items, as many as a page holds; each time counts.

    Args:
        data: every item.
        digests: in the order of the page.
        places: see `headstart.report.page.keep.places_of`.
    """
    kept: dict[str, Unchecked] = {}
    size = 0
    for each in digests:
        if each not in places:
            continue
        about = kept[each] if each in kept else shown_of(data, places[each])
        size += sum(map(len, about.values()))
        if size > MOST_CHARACTERS:
            break
        kept[each] = about
    return kept
