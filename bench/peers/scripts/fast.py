"""fastai: `vision_learner` and `fine_tune`, as its vision tutorial has it."""

import time

from job import Answer, Clock, Curve, Job, Refusal, run, seconds_per_step

PACKAGES = ("fastai", "torch", "timm")
BATCH = 64
BASE_LR = 2e-3
"""Both are fastai's defaults."""

TIMED = 16
"""Items of a step that is only timed: of a minute, four steps of 64 would be a good part."""


def fastai(job: Job, clock: Clock) -> Answer:
    """Pictures here; texts below."""
    return _pictures(job, clock) if job.kind == "image" else _texts(job)


def _pictures(job: Job, clock: Clock) -> Answer:
    import pandas
    import torch
    from fastai.callback.core import Callback
    from fastai.vision.all import (
        CancelFitException,
        CategoryBlock,
        ColReader,
        DataBlock,
        ImageBlock,
        RandomSplitter,
        RegressionBlock,
        Resize,
        accuracy,
        aug_transforms,
        set_seed,
        vision_learner,
    )

    class Watch(Callback):
        """A prediction after each epoch; the end of training when time is up."""

        def after_batch(self):
            if self.training and clock.left() <= 0:
                notes["stopped"] = "time was up"
                raise CancelFitException

        def after_epoch(self):
            done[0] += 1
            curve.point(done[0], predict)

    set_seed(job.seed, reproducible=True)
    items, labels = job.rows(job.train)
    targets = job.targets(labels) if job.regression else labels
    table = pandas.DataFrame({"item": items, "label": targets})
    block = DataBlock(
        blocks=(
            ImageBlock,
            RegressionBlock(n_out=1) if job.regression else CategoryBlock(vocab=list(job.classes)),
        ),
        get_x=ColReader("item"),
        get_y=ColReader("label"),
        splitter=RandomSplitter(0.2, seed=job.seed),
        item_tfms=Resize(224),
        batch_tfms=aug_transforms(),
    )
    loaders = block.dataloaders(table, bs=min(BATCH, max(len(items) // 4, 2)))
    learner = vision_learner(
        loaders,
        "tf_efficientnet_lite0",
        metrics=None if job.regression else accuracy,
        pretrained_cfg_overlay={"file": str(job.lite0 / "model.safetensors")},
        path=job.scratch,
    )
    tests, _ = job.rows(job.test)
    asked = loaders.test_dl(pandas.DataFrame({"item": tests}))
    notes, done, curve = {}, [0], Curve(clock)

    def predict():
        # Not `get_preds`: it would run the callbacks of the training that it is called in.
        learner.model.eval()
        said = []
        with torch.no_grad():
            for (pixels,) in asked:
                out = learner.model(pixels)
                said.append(out.flatten() if job.regression else out.softmax(1))
        return torch.cat(said).numpy()

    learner.remove_cb(learner.progress)
    learner.add_cb(Watch())
    # `fine_tune`, line by line, for the number of its epochs follows from how long a step takes.
    learner.freeze()
    before = clock.spent()
    learner.fit_one_cycle(1, slice(BASE_LR), pct_start=0.99)
    epoch = clock.spent() - before
    epoch += _backward_through_all(learner, clock)
    epochs = max(int(clock.epochs(epoch)), 1)
    if clock.left() > 0:
        lr = BASE_LR / 2
        learner.fit_one_cycle(epochs, slice(lr / 100, lr), pct_start=0.3, div=5.0)
    training, began = clock.spent(), time.perf_counter()
    said = predict()
    seconds = time.perf_counter() - began
    notes |= {"planned": epochs, "seconds of an epoch, planned": round(epoch, 2)}
    return Answer(said, training, seconds, done[0], PACKAGES, notes, curve)


def _backward_through_all(learner, clock: Clock) -> float:
    """How much longer an epoch takes with nothing frozen; leaves the learner unfrozen.

    The frozen epoch has shown what loading, augmenting, the forward pass and validating take.
    """
    before = {key: value.clone() for key, value in learner.model.state_dict().items()}
    pixels, labels = (each[:TIMED] for each in learner.dls.one_batch())
    learner.model.train()

    def step(_):
        learner.loss_func(learner.model(pixels), labels).backward()
        learner.model.zero_grad()

    learner.freeze()
    frozen = seconds_per_step(step, clock, most=3)
    learner.unfreeze()
    extra = seconds_per_step(step, clock, most=3) - frozen
    learner.model.load_state_dict(before)
    return max(extra, 0.0) * len(learner.dls.train_ds) / len(pixels)


def _texts(job: Job) -> Answer:
    """AWD-LSTM is all there is for texts, and its weights are on the net."""
    from urllib.error import URLError

    import pandas
    from fastai.text.all import AWD_LSTM, TextDataLoaders, text_classifier_learner

    items, labels = job.rows(job.train)
    table = pandas.DataFrame({"text": items, "label": job.targets(labels)})
    loaders = TextDataLoaders.from_df(
        table, path=job.scratch, text_col="text", label_col="label", seed=job.seed
    )
    try:
        text_classifier_learner(loaders, AWD_LSTM, path=job.scratch)
    except URLError as error:
        raise Refusal(f"text_classifier_learner(AWD_LSTM) fetches its weights: {error}") from error
    raise Refusal("AWD-LSTM's weights were found, which this script did not expect offline")


if __name__ == "__main__":
    run(fastai, *PACKAGES)
