"""How `headstart serve` listens, and what it takes on."""

from dataclasses import dataclass

from headstart.errors import InputError
from headstart.quantity import bytes_of
from headstart.spec.option import check, option


@dataclass(frozen=True, kw_only=True)
class ServeSpec:
    """Where a server listens, who may ask, and how much it takes on."""

    host: str = option(
        "127.0.0.1",
        "Address to listen at. By default only this machine is answered; 0.0.0.0 is every network.",
        group=None,
    )
    port: int = option(
        8000, "Port to listen at; 0 takes one that is free.", group=None, low=0, high=65_535
    )
    workers: int = option(
        1,
        "Processes that share the port, each with the models in its memory.",
        group=None,
        low=1,
        high=64,
    )
    token: str | None = option(
        None,
        "Answer only requests with the header Authorization: Bearer TEXT. The variable "
        "HEADSTART_TOKEN does the same, and is not seen in the list of processes.",
        group=None,
    )
    drain: float = option(
        1.0,
        "Seconds for which requests are still taken after SIGTERM, while ready says 503.",
        group=None,
        low=0,
        high=600,
    )
    batch: int = option(
        32, "Items that are computed together, at most.", group=None, low=1, high=1024
    )
    queue: int = option(256, "Items that may wait; more get 429.", group=None, low=1, high=100_000)
    max_items: int = option(64, "Items of a request; more get 413.", group=None, low=1, high=4096)
    max_body: str = option("32MB", "Size of a request's body; more gets 413.", group=None)
    max_pixels: int = option(
        50_000_000,
        "Width times height of an image; a larger one gets an error.",
        group=None,
        low=1,
        high=178_956_970,
    )
    max_characters: int = option(
        100_000,
        "Characters of a text; a longer one gets an error.",
        group=None,
        low=1,
        high=100_000_000,
    )
    timeout: float = option(
        30.0,
        "Seconds that a body may take to arrive (408), and an answer to be made (504).",
        group=None,
        low=0.1,
        high=3600,
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.host.strip():
            raise InputError("--host is empty; leave it out, or name an address.")
        if self.token is not None and not (
            self.token.isascii() and self.token.isprintable() and self.token.split() == [self.token]
        ):
            raise InputError(
                "The token (--token or HEADSTART_TOKEN) must be printable ASCII without spaces."
            )
        if not self.body_bytes:
            raise InputError(f"--max-body is {self.max_body!r}, so nothing could be asked.")
        if self.max_items > self.queue:
            raise InputError(
                f"--max-items is {self.max_items:,}, but --queue holds {self.queue:,}: "
                "a request of so many would never be taken; raise --queue."
            )

    @property
    def body_bytes(self) -> int:
        """`max_body` in bytes."""
        return bytes_of(self.max_body, "--max-body")
