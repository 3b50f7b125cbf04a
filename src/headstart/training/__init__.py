"""From stored features to a trained head (and, right of a cut, a trained tail)."""
