"""AutoGluon-MultiModal, with its own time limit and presets, on the local weights."""

import time

from job import Answer, Clock, Job, run

PACKAGES = ("autogluon.multimodal", "torch", "lightning", "timm", "transformers")


def autogluon(job: Job, clock: Clock) -> Answer:
    """One call to `fit`; which network is all that is said."""
    import pandas
    from autogluon.multimodal import MultiModalPredictor

    name, folder = {
        "image": ("timm_image", job.lite0),
        "text": ("hf_text", job.minilm),
    }[job.kind]
    items, labels = job.rows(job.train)
    table = pandas.DataFrame(
        {job.kind: items, "label": job.targets(labels) if job.regression else labels}
    )
    classes = "binary" if len(job.classes) == 2 else "multiclass"
    kind = "regression" if job.regression else classes
    predictor = MultiModalPredictor(
        label="label", problem_type=kind, path=str(job.scratch / "model"), verbosity=1
    )
    predictor.fit(
        table,
        time_limit=max(int(clock.left()), 1),
        hyperparameters={"model.names": [name], f"model.{name}.checkpoint_name": str(folder)},
        seed=job.seed,
    )
    training, began = clock.spent(), time.perf_counter()
    tests = pandas.DataFrame({job.kind: job.rows(job.test)[0]})
    if job.regression:
        said = predictor.predict(tests, as_pandas=False)
    else:
        shares = predictor.predict_proba(tests, as_pandas=True)
        shares.columns = [str(each) for each in shares.columns]
        said = shares.reindex(columns=list(job.classes), fill_value=0.0).to_numpy()
    seconds = time.perf_counter() - began
    return Answer(said, training, seconds, None, PACKAGES)


if __name__ == "__main__":
    run(autogluon, *PACKAGES)
