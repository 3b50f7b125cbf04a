"""Sentences by topic: what the pretrained network adds to counting words."""

from statistics import mean, stdev

from bench.machine import scratch
from bench.result import Figure, Result

SEEDS = 5


def run(quick: bool = False) -> Result:
    """headstart and its tfidf baseline, on the same split for each seed."""
    import headstart
    from headstart.data.demo import sentences

    seeds = range(2 if quick else SEEDS)
    with scratch() as folder:
        table = sentences(folder)
        reports = [
            headstart.fit(
                table,
                input="text",
                label="label",
                seed=seed,
                offline=True,
            ).report
            for seed in seeds
        ]
    ours = [report.test["macro_f1"].value for report in reports]
    words = [report.baselines["tfidf"]["macro_f1"].value for report in reports]
    gains = [a - b for a, b in zip(ours, words, strict=True)]
    return Result(
        "sentences",
        "macro F1 on sentences by topic, default options",
        (
            Figure("headstart, mean", mean(ours)),
            Figure("tfidf, mean", mean(words)),
            Figure("gain, mean", mean(gains)),
            Figure("gain, least of the seeds", min(gains)),
            Figure("headstart, standard deviation", stdev(ours)),
            Figure("tfidf, standard deviation", stdev(words)),
        ),
        {
            "split": ", ".join(f"{reports[0].counts[name]} {name}" for name in reports[0].counts),
            "topics": len(reports[0].classes),
            "headstart, by seed": [round(each, 4) for each in ours],
            "tfidf, by seed": [round(each, 4) for each in words],
        },
    )
