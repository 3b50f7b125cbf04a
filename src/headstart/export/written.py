"""What an exporter tells of a file that it wrote."""

from dataclasses import dataclass, field

from headstart.types import Unchecked


@dataclass(frozen=True)
class Written:
    """What an exporter returns.

    Attributes:
        facts: JSON, for `--json`.
        notes: sentences for a person.
    """

    facts: Unchecked = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """A file that was written of a model.

    Attributes:
        path: the file.
        format: a key of `headstart.registry.EXPORTERS`.
        classes: of the model, in order.
        facts: what else the format says of it.
        notes: what a person should know.
    """

    path: str
    format: str
    classes: tuple[str, ...]
    facts: Unchecked
    notes: tuple[str, ...]

    def to_json(self) -> Unchecked:
        """A JSON object."""
        known = {"path": self.path, "format": self.format, "classes": list(self.classes)}
        return known | dict(self.facts)
