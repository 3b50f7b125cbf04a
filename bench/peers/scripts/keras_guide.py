"""Keras 3 on torch, as its guide on transfer learning has it.

The base is frozen and in inference mode, a new head is trained with Adam; then everything is
unfrozen and trained at 1e-5. The guide's epochs stand two to one, and so do these. Pictures are
flipped and turned a little, as there; dropout of 0.2; batches of 64.

Keras has no EfficientNet-Lite0, so it is written here with Keras's layers and filled with the
weights that the other peers get.
"""

import os
import time

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
from job import Answer, Clock, Curve, Job, run, seconds_per_step

PACKAGES = ("keras", "torch", "keras-hub")
BATCH = 64
SIDE = 224
MOST_TOKENS = 256
TIMED = 16
"""Items of a step that is only timed: of a minute, two steps of 64 would be a good part."""

# kernel, stride, how much wider inside, filters, how often
BLOCKS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def keras_guide(job: Job, clock: Clock) -> Answer:
    """Pictures with Lite0; texts by KerasHub, which reads the folder of MiniLM."""
    import keras

    keras.utils.set_random_seed(job.seed)
    base, model, read = (_pictures if job.kind == "image" else _texts)(job)
    items, labels = job.rows(job.train)
    targets = np.array(job.targets(labels))
    inputs = read(items)
    tests = read(job.rows(job.test)[0])
    notes, done, curve = {}, [0], Curve(clock)

    def predict():
        said = np.asarray(model.predict(tests, batch_size=BATCH, verbose=0))
        return said.reshape(-1) if job.regression else said

    class Watch(keras.callbacks.Callback):
        """A prediction after each epoch; the end of training when time is up."""

        def on_train_batch_end(self, batch, logs=None):
            if clock.left() <= 0:
                notes["stopped"] = "time was up"
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs=None):
            done[0] += 1
            # `predict` inside `fit` would leave the model's own loops in each other's way.
            curve.point(done[0], lambda: _forward(model, tests, job.regression))

    def fit(epochs: int, rate: float, trainable: bool):
        base.trainable = trainable
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss="mse" if job.regression else "sparse_categorical_crossentropy",
        )
        if epochs:
            model.fit(
                inputs, targets, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Watch()]
            )

    costs = [_seconds_per_epoch(fit, model, inputs, targets, each, clock) for each in (0, 1)]
    rounds = clock.epochs(2 * costs[0] + costs[1])
    planned = max(round(2 * rounds), 1), max(int(rounds), 1)
    fit(planned[0], 1e-3, False)
    if clock.left() > 0:
        fit(planned[1], 1e-5, True)
    training, began = clock.spent(), time.perf_counter()
    said = predict()
    seconds = time.perf_counter() - began
    notes |= {"planned": planned, "seconds of an epoch, planned": [round(x, 2) for x in costs]}
    return Answer(said, training, seconds, done[0], PACKAGES, notes, curve)


def _seconds_per_epoch(fit, model, inputs, targets, trainable, clock: Clock) -> float:
    """By a few steps with few items; the weights stay as they were."""
    before = model.get_weights()
    fit(0, 0.0, bool(trainable))
    few, size = _some(inputs, slice(TIMED)), min(TIMED, len(targets))
    step = seconds_per_step(lambda _: model.train_on_batch(few, targets[:size]), clock, most=3)
    model.set_weights(before)
    return step * len(targets) / size


def _some(inputs, part):
    """Part of an array, or of each of several."""
    if isinstance(inputs, dict):
        return {key: each[part] for key, each in inputs.items()}
    return inputs[part]


def _forward(model, inputs, regression):
    import torch

    count = len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)
    said = []
    with torch.no_grad():
        for start in range(0, count, BATCH):
            out = model(_some(inputs, slice(start, start + BATCH)), training=False)
            said.append(out.detach().cpu().numpy())
    whole = np.concatenate(said)
    return whole.reshape(-1) if regression else whole


def _head(job: Job, features):
    from keras import layers

    dropped = layers.Dropout(0.2)(features)
    if job.regression:
        return layers.Dense(1)(dropped)
    return layers.Dense(len(job.classes), activation="softmax")(dropped)


def _pictures(job: Job):
    """Base, model, and what reads files: whole pictures squashed, as `load_img` does it."""
    import keras
    from keras import layers

    base = _lite0(job)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.RandomRotation(0.1)(x)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)  # what its weights expect
    x = base(x, training=False)
    model = keras.Model(inputs, _head(job, layers.GlobalAveragePooling2D()(x)))

    def read(paths):
        pictures = [keras.utils.load_img(path, target_size=(SIDE, SIDE)) for path in paths]
        return np.stack([np.asarray(each, dtype=np.uint8) for each in pictures])

    return base, model, read


def _lite0(job: Job):
    """EfficientNet-Lite0 without its top, filled in the order in which its layers are made."""
    import keras
    from keras import layers
    from safetensors.numpy import load_file

    filled = []

    def convolve(x, layer, active=True):
        x = layer(x)
        norm = layers.BatchNormalization(epsilon=1e-3)
        x = norm(x)
        filled.extend([layer, norm])
        return layers.ReLU(6.0)(x) if active else x

    def plain(filters, kernel=1, stride=1):
        return layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)

    inputs = keras.Input((SIDE, SIDE, 3))
    x = convolve(inputs, plain(32, 3, 2))
    for kernel, stride, wider, filters, often in BLOCKS:
        for number in range(often):
            before, step = x, stride if number == 0 else 1
            if wider > 1:
                x = convolve(x, plain(x.shape[-1] * wider))
            deep = layers.DepthwiseConv2D(kernel, step, padding="same", use_bias=False)
            x = convolve(convolve(x, deep), plain(filters), active=False)
            if step == 1 and before.shape[-1] == filters:
                x = layers.Add()([x, before])
    x = convolve(x, plain(1280))
    saved = load_file(job.lite0 / "model.safetensors")
    names = [name for name in saved_order(job) if not name.startswith("classifier")]
    tensors = iter(saved[name] for name in names)
    for layer in filled:
        if hasattr(layer, "gamma"):
            layer.set_weights([next(tensors) for _ in range(4)])
        else:
            deep = layer.__class__.__name__ == "DepthwiseConv2D"
            # (out, in, h, w) as Keras has it; of a depthwise one out and in change places.
            axes = (2, 3, 0, 1) if deep else (2, 3, 1, 0)
            layer.set_weights([next(tensors).transpose(axes)])
    return keras.Model(inputs, x)


def saved_order(job: Job) -> list[str]:
    """Names of the tensors in the network's order; the file has them by name."""
    import json

    return json.loads((job.lite0 / "order.json").read_text("utf-8"))


def _texts(job: Job):
    """KerasHub's BERT, which can be made from a transformers folder."""
    import keras
    import keras_hub

    base = keras_hub.models.Backbone.from_preset(str(job.minilm))
    tokenizer = keras_hub.models.Tokenizer.from_preset(str(job.minilm))
    known = [len(each) for each in tokenizer(job.rows(job.train)[0])]
    packer = keras_hub.layers.MultiSegmentPacker(
        sequence_length=min(max(known) + 2, MOST_TOKENS),
        start_value=tokenizer.cls_token_id,
        end_value=tokenizer.sep_token_id,
    )
    words = base(base.input)["sequence_output"]
    # The mean, as the guide has it for pictures, and as these weights were trained.
    mean = keras.layers.GlobalAveragePooling1D()(words, mask=base.input["padding_mask"])
    model = keras.Model(base.input, _head(job, mean))

    def read(texts):
        tokens, segments = packer(tokenizer(texts))
        tokens = np.asarray(tokens)
        return {
            "token_ids": tokens,
            "segment_ids": np.asarray(segments),
            "padding_mask": tokens != tokenizer.pad_token_id,
        }

    return base, model, read


if __name__ == "__main__":
    run(keras_guide, *PACKAGES)
