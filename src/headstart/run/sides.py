"""Which of what `compare` is given are models, which tables of answers, and which the data."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from headstart import data as reading
from headstart.data.reads import TrainedSpec
from headstart.errors import InputError, ModelError
from headstart.located import BESIDES, is_remote, located
from headstart.predictors import Model, load
from headstart.run.answered import features, is_answers
from headstart.run.comparing import Given
from headstart.run.slicing import Cells, cells_of
from headstart.spec import ReadSpec, flag, spec_of
from headstart.wording import shown


def sides(
    models: Sequence[str | Path | Model],
    data: object,
    labels: object,
    by: str | None,
    options: Mapping[str, object],
) -> tuple[list[Given], str | None, Cells | None]:
    """What is compared, what the data is called, and the cells of a column of it.

    Args:
        models: folders, names on the hub, models or tables of answers; the last may be the data.
        data: labelled items, or None.
        labels: of the items, where `data` are items.
        by: a column of the data.
        options: how to read it.

    Raises:
        InputError: fewer than two are models; or one can be neither.
    """
    named = list(models)
    asked = spec_of(ReadSpec, options)
    called = [_name(each) for each in named]
    named = [
        _here(each, asked.offline, last=n == len(named) > 2) for n, each in enumerate(named, 1)
    ]
    if data is None and named and not _answers(named[-1], last=len(named) > 2):
        data = named.pop()
        called.pop()
    for each in (*named, data) if len(named) < 2 else named:
        if isinstance(each, (str, Path)) and not Path(each).exists():
            raise InputError(f"There is no model and no table of answers {shown(str(each))!r}.")
    if len(named) < 2:
        raise InputError(
            f"There are two models to name at least, but there {'is' if named else 'are'} "
            f"{len(named)}: headstart compare MODEL MODEL [DATA]."
        )
    files = [name for name, each in zip(called, named, strict=True) if not isinstance(each, Model)]
    twice = next((each for each in files if files.count(each) > 1), None)
    if twice is not None:
        raise InputError(f"{shown(twice)} is given twice; a model is compared with others.")
    if data is None:
        for each in fields(ReadSpec):
            if getattr(asked, each.name) != each.default:
                raise InputError(
                    f"{flag(each.name)} says how DATA is read, but there is none; leave it out."
                )
    given = [
        _given(each, name, data, labels, options) for each, name in zip(named, called, strict=True)
    ]
    if data is not None and not any(each.model for each in given):
        raise InputError(
            "Tables of answers hold their items and labels; leave DATA out, or name a model too."
        )
    cells = None if by is None or data is None else cells_of(data, by)
    return given, None if data is None else _name(data), cells


def _here(given: str | Path | Model, offline: bool, *, last: bool) -> str | Path | Model:
    """What is given, on this machine: a model of the hub is fetched with its saved answers.

    Behind two models or more it may be a data set of the hub, which is left to be read as data.
    """
    if isinstance(given, Model) or not is_remote(given):
        return given
    try:
        return located(given, offline=offline, besides=BESIDES)
    except ModelError:
        if last:
            return given
        raise


def _answers(given: str | Path | Model, *, last: bool) -> bool:
    """Whether it is a model or a table of answers, rather than data.

    Behind two models or more, a table is data where all that makes it answers is a column `value`
    among columns that are no part of answers.
    """
    if isinstance(given, Model):
        return True
    path = Path(given)
    return (path / "model.json").is_file() or (is_answers(path) and not (last and features(path)))


def _name(given: object) -> str:
    return str(given) if isinstance(given, (str, Path)) else "(in memory)"


def _given(
    each: str | Path | Model,
    name: str,
    data: object,
    labels: object,
    options: Mapping[str, object],
) -> Given:
    if isinstance(each, (str, Path)) and is_answers(Path(each)):
        return Given(name, file=Path(each))
    if data is None:
        if isinstance(each, (str, Path)):
            return Given(name, folder=Path(each))
        raise InputError("A model in memory has no saved answers; give the data to compare on.")
    model = load(each) if isinstance(each, (str, Path)) else each
    if not isinstance(model, Model):
        raise InputError(f"A {type(model).__name__} is no model; give one, or its folder.")
    spec = spec_of(TrainedSpec, {**options, "task": model.task, "trained": model.reads})
    return Given(
        name,
        model=model,
        data=reading.read_as_trained(data, spec, labels, classes=model.classes),
        spec=spec,
    )
