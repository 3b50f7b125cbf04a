"""Transfer learning as scikit-learn estimators: clone, pipelines, cross_val_score, grid search.

An item is a path, a PIL image, an array or a text, so `X` is a sequence of items and not a
table: there is no `n_features_in_`. An estimator learns from all it is given; testing is for
`cross_val_score` and its like. Features come from the store, so that of many fits and
predictions on the same items only the first computes.
"""

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from headstart import run
from headstart.data import from_memory
from headstart.data.arrays import as_numpy, images_of, is_array, is_image
from headstart.data.dataset import Dataset, Skipped
from headstart.data.groups import given_groups
from headstart.data.weights import weights_of
from headstart.errors import InputError
from headstart.evaluation.answers import best_class, has_class
from headstart.evaluation.calibration import probabilities, scaled
from headstart.evaluation.decisions import HALF, Decision, LabelThresholds
from headstart.features.trunk import Trunk
from headstart.progress import Clock, Silent
from headstart.spec import FitSpec, spec_of
from headstart.training.examples import without_test
from headstart.types import Array

NO_LABELS = "fit requires y to be passed, but the target y is None; give one label for each item."


class _TransferEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share."""

    def __init__(
        self,
        backbone: str | None = None,
        *,
        strategy: str = "auto",
        budget: str | None = None,
        cut: str | None = None,
        crop: float | None = None,
        size: int | None = None,
        pool: str = "auto",
        device: str = "auto",
        head: str = "linear",
        epochs: int | None = None,
        flip: str = "horizontal",
        objective: str = "auto",
        train_batchnorm: bool = False,
        store_limit: str | None = None,
        strict: bool = False,
        seed: int = 0,
        offline: bool = False,
    ) -> None:
        self.backbone = backbone
        self.strategy = strategy
        self.budget = budget
        self.cut = cut
        self.crop = crop
        self.size = size
        self.pool = pool
        self.device = device
        self.head = head
        self.epochs = epochs
        self.flip = flip
        self.objective = objective
        self.train_batchnorm = train_batchnorm
        self.store_limit = store_limit
        self.strict = strict
        self.seed = seed
        self.offline = offline

    def _learn(
        self, data: Dataset, sample_weight: object, groups: object, **changed: object
    ) -> None:
        parameters = self.get_params() | changed
        spec = spec_of(FitSpec, {name: _plain(value) for name, value in parameters.items()})
        if sample_weight is not None:
            data = replace(data, weights=weights_of(sample_weight, len(data)))
        if groups is not None:
            data = replace(data, groups=given_groups(groups, len(data)))
        done = run.fit(data, spec, Silent(), Clock(), arrange=without_test)
        if done.report.skipped:
            warnings.warn(_left_out(done.report.skipped, len(data)), UserWarning, stacklevel=3)
        self.model_, self.report_ = done.model, done.report
        self._trunk: Trunk | None = None if done.model.weights else done.trunk
        self._process = os.getpid()

    def _scores(self, X: object) -> Array:
        """The head's scores, one for each item.

        Raises:
            InputError: an item cannot be read.
        """
        check_is_fitted(self, "model_")
        data = from_memory(_items(X), modality=self.model_.modality)
        if data.modality != self.model_.modality:
            raise InputError(
                f"The estimator was fitted on {self.model_.modality}s, but X holds "
                f"{data.modality}s."
            )
        # The store's threads stay behind when a process is forked.
        if self._trunk is None or self._process != os.getpid():
            scored = self.model_.scores(data)
            _refuse(scored.skipped)
            return scored.scores
        features = self._trunk.extract(data, Silent())
        _refuse(features.skipped)
        return self.model_.head.scores(features.vectors())

    def __getstate__(self) -> dict[str, object]:
        """What joblib and `copy` carry: the model, and no trunk."""
        state = {**super().__getstate__()}
        if "model_" in state:
            state["_trunk"] = None
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags


class TransferClassifier(ClassifierMixin, _TransferEstimator):  # type: ignore[misc]
    """A pretrained backbone, and a head that is trained to tell classes apart.

    `X` is a sequence (list, array, column) of paths, PIL images, arrays or texts, also one array
    (n, height, width[, 3 or 4]); one image or text alone is a sequence of one. Unreadable items
    are left out of `fit` with a warning; `predict` owes an answer for each item, and refuses them.

    Args:
        backbone: a name that `headstart backbones` lists; by default one that fits the data.
        strategy: feature-extraction, fine-tuning, full-fine-tuning, lora, from-scratch, or auto.
        budget: time for `auto` to go deeper than feature extraction, such as "5m".
        cut: stage after which training begins, for fine-tuning and lora.
        crop: share of an image's shorter side that is looked at; by default the backbone's own.
        size: height and width that images are resized to; by default the backbone's own.
        pool: how the last stage becomes one vector: auto, mean, max, flatten, first or last.
        device: where the network computes: auto, cpu, cuda or cuda:N.
        head: linear, knn, mlp, or mlp:WIDTH such as mlp:256.
        epochs: most epochs of what is trained by gradient steps.
        flip: flips of images while training: horizontal, any (turns too), or none.
        objective: what is minimised while more than the head is trained; auto, or huber for
            regression.
        train_batchnorm: let BatchNorm statistics follow the data while fine-tuning.
        store_limit: most disk for stored activations, such as "5GB".
        strict: an item that cannot be read is an error, not left out.
        balance: "balanced" weighs the classes equally, whatever their size.
        class_weights: weights of the classes in training: a mapping, or what `--class-weights`
            takes; a class that is not named weighs 1.
        threshold: for a `y` of 0 and 1 with several columns, the probability from which an item has
            a class; by default each has its own, tuned for F1 on out-of-fold scores.
        seed: every random choice follows from it.
        offline: open no socket; use what is on this machine.

    Attributes:
        classes_: the classes as in `y`, sorted; the numbers of the columns for a `y` of 0 and 1
            with two columns or more (several classes an item).
        model_: the `headstart.Model`; its `save` makes the folder that `headstart predict` takes.
        report_: what was done; there are no test figures in it.
    """

    def __init__(
        self,
        backbone: str | None = None,
        *,
        strategy: str = "auto",
        budget: str | None = None,
        cut: str | None = None,
        crop: float | None = None,
        size: int | None = None,
        pool: str = "auto",
        device: str = "auto",
        head: str = "linear",
        epochs: int | None = None,
        flip: str = "horizontal",
        objective: str = "auto",
        train_batchnorm: bool = False,
        store_limit: str | None = None,
        strict: bool = False,
        balance: str = "none",
        class_weights: object = None,
        threshold: float | None = None,
        seed: int = 0,
        offline: bool = False,
    ) -> None:
        super().__init__(
            backbone,
            strategy=strategy,
            budget=budget,
            cut=cut,
            crop=crop,
            size=size,
            pool=pool,
            device=device,
            head=head,
            epochs=epochs,
            flip=flip,
            objective=objective,
            train_batchnorm=train_batchnorm,
            store_limit=store_limit,
            strict=strict,
            seed=seed,
            offline=offline,
        )
        self.balance = balance
        self.class_weights = class_weights
        self.threshold = threshold

    def fit(
        self,
        X: object,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn from items and their labels.

        Args:
            X: the items.
            y: (n,) of any type, or (n, classes) of 0 and 1.
            sample_weight: (n,) how much each item counts, from 0.
            groups: (n,) of any type, what each item belongs to: items of a group are on one side
                where a part is kept for calibration, and held out together where settings are
                chosen. Give the same to `cross_val_score` with a `GroupKFold`.

        Raises:
            InputError: says what is wrong with X, y or a parameter.
        """
        multilabel = _kind_of_labels(y) == "multilabel-indicator"
        classes, names, data = _several(X, y) if multilabel else _one_each(X, y)
        by_class = _by_name(self.class_weights, classes, names)
        self._learn(data, sample_weight, groups, class_weights=by_class)
        self.classes_, self._multilabel = classes, multilabel
        self._columns = [names.index(name) for name in self.model_.classes]
        return self

    def predict_proba(self, X: object) -> NDArray[np.float64]:
        """Calibrated probabilities (n, classes), in the order of `classes_`.

        A class of which no item could be read has probability 0.

        Raises:
            InputError: an item cannot be read.
        """
        scores = scaled(self._scores(X), self.model_.temperature)
        answer = np.zeros((len(scores), len(self.classes_)))
        answer[:, self._columns] = probabilities(self.model_.task, scores)
        return answer

    def predict(self, X: object) -> Array:
        """The class of each item (n,), or 0 and 1 (n, classes) if `y` was.

        Raises:
            InputError: an item cannot be read.
        """
        answer = self.predict_proba(X)
        if self._multilabel:
            return has_class(answer, self._decision()).astype(np.int64)
        found: Array = self.classes_[best_class(answer)]
        return found

    def _decision(self) -> Decision | None:
        """The model's thresholds, in the order of `classes_`."""
        decision = self.model_.decision
        if not isinstance(decision, LabelThresholds):
            return None
        values = np.full(len(self.classes_), HALF)
        values[self._columns] = decision.values
        return LabelThresholds(tuple(values.tolist()))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class TransferRegressor(RegressorMixin, _TransferEstimator):  # type: ignore[misc]
    """A pretrained backbone, and a head that is trained to predict a number.

    See `TransferClassifier` for `X` and the parameters; `score` is R².

    Attributes:
        model_: the `headstart.Model`.
        report_: what was done; there are no test figures in it.
    """

    def fit(
        self,
        X: object,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn from items and their numbers `y` (n,), which count by their `sample_weight` (n,).

        Items of one of the `groups` (n,) are kept together; see `TransferClassifier.fit`.

        Raises:
            InputError: says what is wrong with X, y or a parameter.
        """
        if y is None:
            raise InputError(NO_LABELS)
        try:
            numbers = column_or_1d(y, dtype=np.float64, warn=True)
        except (TypeError, ValueError) as error:
            raise InputError(f"y must be a sequence of numbers ({error}).") from error
        data = from_memory(_items(X), numbers, "regression")
        self._learn(_all_labelled(data), sample_weight, groups)
        return self

    def predict(self, X: object) -> NDArray[np.float64]:
        """The number of each item (n,).

        Raises:
            InputError: an item cannot be read.
        """
        return np.asarray(self._scores(X), np.float64)


def _items(X: object) -> object:
    """The items of X, one after another; one alone is a sequence of one.

    Raises:
        InputError: X is a table.
    """
    if isinstance(X, (list, str, bytes, os.PathLike, Image.Image)) or not is_array(X):
        return X
    array = as_numpy(X)
    if array.ndim in (0, 2):
        raise InputError(
            f"X has the shape {array.shape}, but it must be a sequence of images or texts, not a "
            "table or a number; give one column of it, or a list."
        )
    # As a stack it would be of grey pictures three pixels wide: nobody has those.
    if is_image(array.shape):
        return array
    return images_of(array) if array.ndim in (3, 4) else list(array)


def _by_name(weights: object, classes: Array, names: list[str]) -> object:
    """Weights by class as the model names them; what is no mapping stays as it is."""
    if not isinstance(weights, Mapping):
        return weights
    called = dict(zip(classes.tolist(), names, strict=True))
    by_name = {called.get(_plain(name), str(name)): weight for name, weight in weights.items()}
    if len(by_name) < len(weights):
        raise InputError("class_weights names a class twice; name it once.")
    # A fold may lack a class; where none is there, the names are wrong.
    return {name: by_name[name] for name in by_name if name in names} or by_name


def _kind_of_labels(y: ArrayLike) -> str:
    if y is None:
        raise InputError(NO_LABELS)
    try:
        kind = str(type_of_target(y, input_name="y", raise_unknown=True))
    except (TypeError, ValueError) as error:
        raise InputError(f"y cannot be read as classes ({error}).") from error
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        raise InputError(
            f"Unknown label type: {kind}; y must hold one class for each item, or 0 and 1 "
            "(items, classes); TransferRegressor is for numbers."
        )
    return kind


def _one_each(X: object, y: ArrayLike) -> tuple[Array, list[str], Dataset]:
    """The classes as they are in y, what the model calls them, and the data."""
    cells = column_or_1d(y, warn=True)
    data = _all_labelled(from_memory(_items(X), cells, "classification", na_values=""))
    assert data.labels is not None
    classes, first = np.unique(cells, return_index=True)
    names = [str(data.labels[at]) for at in first.tolist()]
    if len(set(names)) < len(names):
        raise InputError("Two classes in y are written the same; give each a name of its own.")
    return classes, names, data


def _all_labelled(data: Dataset) -> Dataset:
    """The data, which scikit-learn expects to have a label for each item."""
    if data.skipped:
        raise InputError(
            f"{data.skipped[0].item}: {data.skipped[0].reason}; leave the item out or give it one "
            f"({len(data.skipped):,} in all)."
        )
    return data


def _several(X: object, y: ArrayLike) -> tuple[Array, list[str], Dataset]:
    if hasattr(y, "toarray"):
        raise InputError("y is a sparse matrix; give y.toarray().")
    table = np.asarray(y)
    classes = np.arange(table.shape[1])
    return classes, [str(each) for each in classes], from_memory(_items(X), table, "multilabel")


def _plain(value: object) -> object:
    """A parameter as Python's own type: grids and samplers give numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def _left_out(skipped: tuple[Skipped, ...], items: int) -> str:
    verb = "was" if len(skipped) == 1 else "were"
    return (
        f"{len(skipped):,} of {items:,} items {verb} left out, the first being {skipped[0].item}: "
        f"{skipped[0].reason}."
    )


def _refuse(skipped: tuple[Skipped, ...]) -> None:
    if skipped:
        raise InputError(
            f"{skipped[0].item}: {skipped[0].reason}; every item needs an answer, so leave it out "
            f"({len(skipped):,} in all)."
        )
