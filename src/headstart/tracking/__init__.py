"""A finished run, recorded by an experiment tracker: MLflow, or one of another package."""

from headstart.tracking.contract import Tracked, Tracker
from headstart.tracking.recording import record, refuse_remote

__all__ = ["Tracked", "Tracker", "record", "refuse_remote"]
