"""A finished run, for people and as JSON."""
