from typing import Any

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.idle import refuse_idle
from headstart.data.reads import Reads
from headstart.errors import InputError
from headstart.spec import FitSpec

IMAGE = np.zeros((8, 8, 3), np.uint8)


def data(**changed: Any) -> Dataset:
    said = {"modality": "text", "items": ["a", "b"], "names": ["1", "2"], "labels": ["x", "y"]}
    return Dataset(**said | {"task": "classification"} | changed)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"crop": 0.8}, "--crop"),
        ({"size": 64}, "--size"),
        ({"flip": "any", "budget": "5m"}, "--flip"),
        ({"train_batchnorm": True, "strategy": "fine-tuning"}, "--train-batchnorm"),
    ],
)
def test_what_is_for_images_is_refused_for_texts(options: dict[str, Any], named: str) -> None:
    refuse_idle(data(modality="image", items=[IMAGE, IMAGE]), FitSpec(**options))
    with pytest.raises(InputError, match=f"^{named} is for images, but the data holds texts"):
        refuse_idle(data(), FitSpec(**options))


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_classes_that_are_none_are_not_weighed(task: str) -> None:
    refuse_idle(data(), FitSpec(balance="balanced"))
    with pytest.raises(InputError, match=f"^--balance is for classification alone.*{task}"):
        refuse_idle(data(task=task), FitSpec(balance="balanced"))


def test_the_size_of_a_test_split_that_is_given() -> None:
    mine = data(splits=["train", "test"])
    refuse_idle(data(), FitSpec(test_size=0.3))
    refuse_idle(mine, FitSpec())
    with pytest.raises(InputError, match=r"^--test-size does nothing where the data has a test"):
        refuse_idle(mine, FitSpec(test_size=0.3))


@pytest.mark.parametrize(
    ("options", "task", "said"),
    [
        ({"separator": "|"}, "classification", "--separator is between several classes"),
        ({"separator": "|"}, "regression", "--separator is between several classes"),
        ({"decimal": "comma"}, "classification", "--decimal is for labels that are numbers"),
        ({"decimal": "point"}, "multilabel", "--decimal is for labels that are numbers"),
        ({"root": "x"}, "classification", "--root is where the paths in a table start"),
        ({"allow_root": "x"}, "classification", "--allow-root is where the paths in a table"),
    ],
)
def test_what_reads_other_labels_and_paths(options: dict[str, Any], task: str, said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        refuse_idle(data(task=task), FitSpec(**options))


def test_what_reads_such_labels_and_paths() -> None:
    refuse_idle(data(task="multilabel"), FitSpec(separator="|"))
    refuse_idle(data(task="regression"), FitSpec(decimal="comma"))
    refuse_idle(data(reads=Reads(kind="paths")), FitSpec(root="x"))
