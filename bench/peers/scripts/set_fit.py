"""SetFit, as its quick start has it: pairs of texts tune the body, a logistic regression follows.

One epoch over every pair is its default; of a thousand texts that is a million pairs, so the
number of steps is what fits the time.
"""

import time

from job import SLACK, Answer, Clock, Job, Refusal, run, seconds_per_step

PACKAGES = ("setfit", "sentence-transformers", "transformers", "torch")
BATCH = 16


def setfit(job: Job, clock: Clock) -> Answer:
    """Tune for the steps that fit, fit the head, predict."""
    if job.kind != "text":
        raise Refusal("SetFit is for texts: it trains a sentence encoder")
    import torch
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from transformers import TrainerCallback

    notes = {}

    class Watch(TrainerCallback):
        """The end of tuning when time is up."""

        def on_step_end(self, args, state, control, **kwargs):
            notes["steps"] = state.global_step
            if clock.left() <= encoding:
                notes["stopped"] = "time was up"
                control.should_training_stop = True

    torch.manual_seed(job.seed)
    texts, labels = job.rows(job.train)
    labels = job.targets(labels)
    model = SetFitModel.from_pretrained(str(job.minilm))
    model.model_body.to("cpu")
    encoding, step = _costs(model.model_body, texts, clock)
    # It refuses numbers after tuning, when it fits the head: one step is enough to hear it.
    fitting = 1 if job.regression else int((clock.left() - encoding) * SLACK / step)
    steps = max(fitting, 1)
    arguments = TrainingArguments(
        output_dir=str(job.scratch / "out"),
        batch_size=BATCH,
        num_epochs=1,
        max_steps=steps,
        seed=job.seed,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        show_progress_bar=False,
    )
    tuner = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"text": texts, "label": labels}),
        callbacks=[Watch()],
    )
    tuner.train()
    training, began = clock.spent(), time.perf_counter()
    tests, _ = job.rows(job.test)
    if job.regression:
        said = model.predict(tests, as_numpy=True)
    else:
        said = _every_class(job, model, model.predict_proba(tests, as_numpy=True))
    seconds = time.perf_counter() - began
    notes |= {"planned steps": steps, "seconds of a step, planned": round(step, 4)}
    return Answer(said, training, seconds, None, PACKAGES, notes)


def _every_class(job: Job, model, shares):
    """A column for each class, also for those that the head has not seen."""
    import numpy as np

    whole = np.zeros((len(shares), len(job.classes)))
    whole[:, np.asarray(model.model_head.classes_, dtype=int)] = shares
    return whole


def _costs(body, texts, clock: Clock) -> tuple[float, float]:
    """Seconds to encode every text, and of a step on a batch of pairs; the weights stay."""
    import torch

    began = time.perf_counter()
    few = texts[:64]
    body.encode(few, show_progress_bar=False)
    encoding = (time.perf_counter() - began) * len(texts) / len(few)
    before = {key: value.clone() for key, value in body.state_dict().items()}
    # As many steps as AdamW's state and the backward pass of both sides of a pair need.
    optimizer = torch.optim.AdamW(body.parameters(), lr=0.0, weight_decay=0.0)
    body.train()

    def step(number):
        sides = []
        for side in range(2):
            first = (2 * number + side) * BATCH
            chosen = [texts[(first + i) % len(texts)] for i in range(BATCH)]
            sides.append(body(body.tokenize(chosen))["sentence_embedding"])
        torch.cosine_similarity(*sides).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    seconds = seconds_per_step(step, clock)
    body.load_state_dict(before)
    body.eval()
    return encoding, seconds


if __name__ == "__main__":
    run(setfit, *PACKAGES)
