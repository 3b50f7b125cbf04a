"""What to try next under a budget, and whether it was worth it."""
