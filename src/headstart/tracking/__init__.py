"""A finished run, told to a tracker of experiments: MLflow, or one of another package."""

from headstart.tracking.contract import Tracked, Tracker
from headstart.tracking.told import tell

__all__ = ["Tracked", "Tracker", "tell"]
