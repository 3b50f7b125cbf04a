"""A finished run, told to a tracker of experiments: MLflow, or one of another package."""

from headstart.tracking.contract import Tracked, Tracker
from headstart.tracking.told import refuse_remote, tell

__all__ = ["Tracked", "Tracker", "refuse_remote", "tell"]
