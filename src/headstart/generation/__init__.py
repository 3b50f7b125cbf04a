"""Language models that are adapted to a person's texts, and write."""
