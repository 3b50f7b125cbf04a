"""Saved models behind HTTP: what `headstart serve` runs."""
