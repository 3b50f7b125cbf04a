"""Pretrained networks as ordered stages, ready to be cut into a frozen trunk and a trained tail."""

from headstart.backbones.backbone import Backbone, Cut, Stage
from headstart.backbones.catalogue import (
    UNNAMED,
    Entry,
    catalogue,
    default_for,
    entry_of,
    is_cached,
    load,
    public_name,
    ways,
)
from headstart.backbones.summary import BackboneSummary, Fetched

__all__ = [
    "UNNAMED",
    "Backbone",
    "BackboneSummary",
    "Cut",
    "Entry",
    "Fetched",
    "Stage",
    "catalogue",
    "default_for",
    "entry_of",
    "is_cached",
    "load",
    "public_name",
    "ways",
]
