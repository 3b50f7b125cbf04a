"""Names of folders that say which split they hold: `train`, `Validation`, `seg_test`, `val2017`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.data.dataset import Split

WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), "train"),
    **dict.fromkeys(
        ("test", "tests", "testing", "tst", "eval", "evaluation", "holdout", "heldout"), "test"
    ),
    **dict.fromkeys(
        ("validation", "validate", "val", "valid", "dev", "devel", "development"), "validation"
    ),
}
"""As the hub's data sets name them too: what is called `eval` there is the test split."""

_BESIDE = frozenset(
    (
        *("set", "sets", "data", "dataset", "datasets", "split", "splits", "part", "subset"),
        *("partition", "fold", "stage", "phase", "folder", "folders", "dir", "directory"),
        *("file", "files", "item", "items", "sample", "samples", "example", "examples"),
        *("image", "images", "img", "imgs", "pic", "pics", "picture", "pictures", "photo"),
        *("photos", "text", "texts", "txt", "doc", "docs", "document", "documents", "input"),
        *("inputs", "label", "labels", "labeled", "labelled", "class", "classes", "jpg"),
        *("jpeg", "png", "rgb", "gray", "grey", "color", "colour", "crop", "crops", "cropped"),
        *("resized", "scaled", "small", "medium", "large", "full", "mini", "tiny", "big"),
        *("raw", "orig", "original", "old", "new", "final", "clean", "cleaned", "processed"),
        *("preprocessed", "aug", "augmented", "balanced", "public", "private", "of", "for"),
        *("and", "the", "my", "all", "x", "y", "a", "b", "c", "v", "px"),
    )
)
"""Words that leave a split's name a split's name."""

_UNLABELLED = frozenset(
    (
        *("unlabeled", "unlabelled", "unsup", "unsupervised", "nolabel", "nolabels", "pred"),
        *("preds", "predict", "prediction", "predictions", "inference", "submission"),
    )
)

_FOLD = re.compile(r"(k?fold|split|shard|chunk|partition|subset)[ _.-]*\d+", re.IGNORECASE)
_PARTS = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_JOINED = re.compile(
    f"({'|'.join(sorted(WORDS, key=len, reverse=True))})"
    f"({'|'.join(sorted((w for w in _BESIDE if len(w) > 2), key=len, reverse=True))})"
)


@dataclass(frozen=True, slots=True)
class SplitName:
    """What a name says of a split.

    Attributes:
        split: which one; None where it names several, as `train_test` does.
        rest: what else is in the name: nothing in `test_images`, `tubes` in `test_tubes`.
        leads: whether the split's word is the first: `train_cats`, and not `seg_train`.
    """

    split: Split | None
    rest: tuple[str, ...]
    leads: bool

    @property
    def sure(self) -> bool:
        """Whether it can hardly be the name of a class."""
        return not self.rest


def split_name(name: str) -> SplitName | None:
    """The split that a folder's name speaks of, in whatever case; None for no split."""
    words = _words(name)
    found = [at for at, word in enumerate(words) if word in WORDS]
    if not found:
        return None
    sides = {WORDS[words[at]] for at in found}
    if sides == {"train", "validation"}:  # all that is not for testing
        sides = {"train"}
    rest = [w for w in words if w not in WORDS and w not in _BESIDE and not w.isdigit()]
    return SplitName(sides.pop() if len(sides) == 1 else None, tuple(rest), found[0] == 0)


def split_word(name: str) -> Split | None:
    """The split that a name of one word gives, in whatever case; None for no split."""
    return WORDS.get(name.strip().lower())


def split_above(folders: Sequence[str]) -> Split | None:
    """The first split that the folders above a file surely name."""
    looks = (split_name(folder) for folder in folders)
    return next((look.split for look in looks if look is not None and look.sure), None)


def is_unlabelled(name: str) -> bool:
    """Whether a folder's name says that what is in it has no labels, as IMDB's `unsup` does."""
    return not _UNLABELLED.isdisjoint(_words(name))


def is_fold(name: str) -> bool:
    """Whether a name is that of a numbered part, as for cross-validation: `fold1`."""
    return _FOLD.fullmatch(name.strip()) is not None


def _words(name: str) -> list[str]:
    """`TrainingSet_2` is training, set, 2; so is `trainingset2`."""
    words: list[str] = []
    for part in _PARTS.findall(_CAMEL.sub(" ", name)):
        joined = _JOINED.fullmatch(part.lower())
        words += joined.groups() if joined else [part.lower()]
    return words
