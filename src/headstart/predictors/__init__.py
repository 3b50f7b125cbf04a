"""What answers for items: a saved model, and a session that keeps it warm."""

from headstart.predictors.answers import Predictions, Scored
from headstart.predictors.contract import Predictor
from headstart.predictors.load import load
from headstart.predictors.model import DIGEST, Model
from headstart.predictors.session import Session

__all__ = ["DIGEST", "Model", "Predictions", "Predictor", "Scored", "Session", "load"]
