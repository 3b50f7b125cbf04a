"""A saved model on the Hugging Face hub: what goes there, in a form for others, and how."""

from headstart.sharing.push import Pushed, push

__all__ = ["Pushed", "push"]
