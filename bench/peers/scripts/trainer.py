"""transformers' Trainer, as its documentation and its examples have it.

`docs`: the guides on text and on image classification, with the best epoch on a tenth of the
training items, and as many epochs as fit.
`example`: run_classification.py's and run_image_classification.py's command lines: 3 epochs for
texts, 5 for pictures, the last weights.
"""

import time
from dataclasses import dataclass

import numpy as np
from job import Answer, Clock, Curve, Job, run, seconds_per_step

MOST_TOKENS = 256
"""As MiniLM's own configuration has it."""

PACKAGES = ("transformers", "torch", "timm", "accelerate")


@dataclass(frozen=True)
class Recipe:
    """What the command line or the guide says; epochs: None is as many as fit."""

    rate: float
    batch: int
    epochs: int | None
    accumulate: int = 1
    decay: float = 0.0
    warmup: float = 0.0
    best: bool = False


RECIPES = {
    ("text", "docs"): Recipe(2e-5, 16, None, decay=0.01, best=True),
    ("text", "example"): Recipe(2e-5, 32, 3),
    ("image", "docs"): Recipe(5e-5, 16, None, accumulate=4, warmup=0.1, best=True),
    ("image", "example"): Recipe(2e-5, 8, 5, best=True),
}


def trainer(job: Job, clock: Clock) -> Answer:
    """Read, time a few steps, train for what fits, predict."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed
    from transformers.utils import logging

    logging.set_verbosity_error()
    set_seed(job.seed)
    recipe = RECIPES[job.kind, job.variant]
    model, collate, read = (_text if job.kind == "text" else _image)(job)
    items, labels = job.rows(job.train)
    rows = [{"item": a, "label": b} for a, b in zip(items, job.targets(labels), strict=True)]
    training, validation = _split(rows, job.seed) if recipe.best else (rows, [])
    tests = read([{"item": each} for each in job.rows(job.test)[0]], train=False)
    data = read(training, train=True)
    checked = read(validation, train=False) if validation else None

    def predict():
        model.eval()
        said = []
        with torch.no_grad():
            for start in range(0, len(tests), 32):
                rows = [tests[number] for number in range(start, min(start + 32, len(tests)))]
                out = model(**collate(rows)).logits.float()
                said.append(out.flatten() if job.regression else out.softmax(-1))
        return torch.cat(said).numpy()

    notes, curve = {}, Curve(clock)

    class Watch(TrainerCallback):
        """A prediction after each epoch; the end of training when time is up."""

        def on_step_end(self, args, state, control, **kwargs):
            if clock.left() <= 0:
                notes["stopped"] = "time was up"
                control.should_training_stop = True

        def on_epoch_end(self, args, state, control, **kwargs):
            curve.point(state.epoch, predict)

    epoch = _seconds_per_epoch(model, data, checked, collate, recipe, clock)
    fitting = clock.epochs(epoch)
    wanted = fitting if recipe.epochs is None else min(recipe.epochs, fitting)
    epochs = float(int(wanted)) if wanted >= 1 else wanted
    steps = max(int(epochs * len(data) / recipe.batch / recipe.accumulate), 1)
    best = {"load_best_model_at_end": True} if recipe.best and epochs >= 1 else {}
    every = "epoch" if best else "no"
    arguments = TrainingArguments(
        output_dir=str(job.scratch / "out"),
        learning_rate=recipe.rate,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        num_train_epochs=max(epochs, 1.0),
        max_steps=-1 if epochs >= 1 else steps,  # part of an epoch, with its decay
        weight_decay=recipe.decay,
        warmup_steps=int(recipe.warmup * steps),
        eval_strategy=every,
        save_strategy=every,
        save_total_limit=2,
        metric_for_best_model="loss",
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=job.seed,
        **best,
    )
    made = Trainer(
        model,
        arguments,
        train_dataset=data,
        eval_dataset=checked,
        data_collator=collate,
        callbacks=[Watch()],
    ).train()
    spent, began = clock.spent(), time.perf_counter()
    said = predict()
    seconds = time.perf_counter() - began
    notes |= {"planned": epochs, "seconds of an epoch, planned": round(epoch, 2)}
    notes |= {"recipe": str(recipe), "loss": made.training_loss}
    return Answer(said, spent, seconds, made.metrics.get("epoch"), PACKAGES, notes, curve)


def _seconds_per_epoch(model, data, checked, collate, recipe, clock) -> float:
    """By a few steps with every weight trained; the weights stay as they were."""
    import torch

    before = {key: value.clone() for key, value in model.state_dict().items()}
    order = np.random.default_rng(0).permutation(len(data))
    model.train()
    # AdamW's own pass over the weights takes long beside a small batch.
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.0)

    def batch(number):
        chosen = [order[(number * recipe.batch + i) % len(order)] for i in range(recipe.batch)]
        return collate([data[int(each)] for each in chosen])

    def step(number):
        model(**batch(number)).loss.backward()
        if (number + 1) % recipe.accumulate == 0:
            optimizer.step()
        optimizer.zero_grad()

    seconds = seconds_per_step(step, clock) * max(len(data) / recipe.batch, 1)
    model.load_state_dict(before)
    if checked is not None:
        model.eval()
        with torch.no_grad():
            once = seconds_per_step(lambda number: model(**batch(number)), clock, most=3)
        seconds += once * len(checked) / recipe.batch
    return seconds


def _text(job: Job):
    """The model, the collator, and what turns rows into a data set, as the text guide has it."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
    )

    tokenizer = AutoTokenizer.from_pretrained(job.minilm)
    model = AutoModelForSequenceClassification.from_pretrained(
        job.minilm,
        num_labels=1 if job.regression else len(job.classes),
        problem_type="regression" if job.regression else "single_label_classification",
    )

    def read(rows, train):
        tokens = tokenizer([row["item"] for row in rows], truncation=True, max_length=MOST_TOKENS)
        return [
            {"input_ids": ids, "attention_mask": mask}
            | ({"label": row["label"]} if "label" in row else {})
            for ids, mask, row in zip(
                tokens["input_ids"], tokens["attention_mask"], rows, strict=True
            )
        ]

    return model, DataCollatorWithPadding(tokenizer), read


def _image(job: Job):
    """The same, as the image guide has it: a random crop to train, timm's own steps to answer."""
    import torch
    from PIL import Image
    from torchvision.transforms import Compose, Normalize, RandomResizedCrop, ToTensor
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor = AutoImageProcessor.from_pretrained(job.lite0)
    model = AutoModelForImageClassification.from_pretrained(
        job.lite0, num_labels=len(job.classes), ignore_mismatched_sizes=True
    )
    known = processor.data_config
    cropped = Compose(
        [
            RandomResizedCrop(known["input_size"][-1]),
            ToTensor(),
            Normalize(mean=known["mean"], std=known["std"]),
        ]
    )

    class Pictures(torch.utils.data.Dataset):
        """Decoded when asked for, as `with_transform` does."""

        def __init__(self, rows, turn):
            self.rows, self.turn = rows, turn

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, number):
            row = self.rows[number]
            with Image.open(row["item"]) as image:
                pixels = self.turn(image.convert("RGB"))
            return {"pixel_values": pixels} | ({"label": row["label"]} if "label" in row else {})

    def read(rows, train):
        return Pictures(rows, cropped if train else processor.val_transforms)

    def collate(rows):
        batch = {"pixel_values": torch.stack([row["pixel_values"] for row in rows])}
        if "label" in rows[0]:
            batch["labels"] = torch.tensor([row["label"] for row in rows])
        return batch

    return model, collate, read


def _split(rows, seed):
    """A tenth to choose the epoch by."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held = max(len(rows) // 10, 1)
    return [rows[i] for i in order[held:]], [rows[i] for i in order[:held]]


if __name__ == "__main__":
    run(trainer, *PACKAGES)
