"""From a data set to a measured and saved model: prepare, adapt, measure, finish."""

from headstart.run.fitting import Run, fit

__all__ = ["Run", "fit"]
