"""Trunk and items in, stored features out."""
