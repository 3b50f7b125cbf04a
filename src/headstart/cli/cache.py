"""`headstart cache`."""

from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json
from headstart.errors import InputError
from headstart.paths import cache_folder
from headstart.quantity import bytes_of

if TYPE_CHECKING:
    from headstart.features.cache import StoreInfo


ACTIONS = ("show", "prune")


def cache(
    action: Annotated[
        str,
        typer.Argument(metavar="show|prune", help="List the stored features, or remove some."),
    ] = "show",
    *,
    older_than_days: Annotated[
        float | None,
        typer.Option(
            "--older-than-days", metavar="DAYS", help="prune: what was not used for so long."
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size",
            metavar="SIZE",
            help="prune: the least recently used, until the rest is no larger, such as 5GB.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", metavar="TEXT", help="prune: only features of this backbone."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="prune: all of it.")] = False,
    json: Json = False,
) -> None:
    """Show or remove stored features.

    They are in HEADSTART_CACHE, by default headstart/ in your cache folder, and are computed
    again when they are needed.
    """
    limits = (older_than_days, max_size, backbone)
    limited = any(limit is not None for limit in limits)
    if action not in ACTIONS:
        raise InputError(f"there is no cache action {action!r}; say show or prune.")
    if action == "show" and (limited or everything):
        raise InputError("cache show removes nothing; to remove stored features say cache prune.")
    if action == "prune" and limited == everything:
        raise InputError(
            "say what to prune: --older-than-days, --max-size or --backbone, or else --all."
        )
    if older_than_days is not None and not older_than_days >= 0:
        raise InputError(f"--older-than-days is {older_than_days}, but it must be 0 or more.")
    bytes_at_most = None if max_size is None else bytes_of(max_size, "--max-size")
    with answering() as stream:
        from headstart.features import cache

        root = cache_folder()
        if action == "show":
            stores = cache.show(root)
        else:
            stores = cache.prune(
                root,
                older_than_days=older_than_days,
                max_bytes=bytes_at_most,
                backbone=backbone,
            )
        if json:
            give_json({"folder": str(root), action: [_as_json(each) for each in stores]}, stream)
            return
        from headstart.report.listings import show_stores

        show_stores(stores, root, console(stream), removed=action == "prune")


def _as_json(info: "StoreInfo") -> dict[str, object]:
    return {
        "name": info.name,
        "backbone": info.backbone,
        "cut": info.cut,
        **{name: getattr(info, name) for name in ("view", "size", "pool", "precision")},
        "weights": info.weights,
        "made_by": info.made_by,
        "rows": info.rows,
        "bytes": info.bytes,
        "last_used": info.last_used.isoformat(),
    }
