"""Counting words: TF-IDF with logistic regression or ridge, their strength by cross-validation."""

import time

from job import Answer, Clock, Job, Refusal, run
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

PACKAGES = ("scikit-learn", "numpy", "scipy")


def tfidf(job: Job, clock: Clock) -> Answer:
    """Words and pairs of words; five folds choose among four strengths."""
    if job.kind != "text":
        raise Refusal("TF-IDF counts words, and pictures have none")
    texts, labels = job.rows(job.train)
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    if job.regression:
        model = make_pipeline(words, Ridge(random_state=job.seed))
        grid = {"ridge__alpha": [0.1, 0.3, 1.0, 3.0]}
    else:
        model = make_pipeline(words, LogisticRegression(max_iter=1000, random_state=job.seed))
        grid = {"logisticregression__C": [1.0, 3.0, 10.0, 30.0]}
    search = GridSearchCV(model, grid).fit(texts, job.targets(labels))
    training, began = clock.spent(), time.perf_counter()
    tests, _ = job.rows(job.test)
    # The numbers of the classes are what it learnt, so its columns are in their order.
    said = search.predict(tests) if job.regression else search.predict_proba(tests)
    seconds = time.perf_counter() - began
    return Answer(said, training, seconds, None, PACKAGES, {"chosen": search.best_params_})


if __name__ == "__main__":
    run(tfidf, *PACKAGES)
