"""Which libraries are there, and in which versions, without importing them."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

VERSIONS = (
    "headstart",
    "torch",
    "timm",
    "transformers",
    "peft",
    "openvino",
    "pylance",
    "scikit-learn",
)


def installed(*libraries: str) -> bool:
    """Whether all of some libraries can be imported, by the names that they are imported by."""
    try:
        return all(find_spec(each) is not None for each in libraries)
    except ImportError:
        return False


@cache
def version_of(distribution: str) -> str:
    """The version of what is installed under a name; `none` where nothing is."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that figures depend on."""
    return {"python": platform.python_version()} | {
        name: found for name in VERSIONS if (found := version_of(name)) != "none"
    }
