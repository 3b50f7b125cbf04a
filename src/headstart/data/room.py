"""How much memory there is for one more thing."""

import os
from pathlib import Path

_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
"""A container's limit, what it uses, and of what; the second generation and the first."""


def free_memory() -> int | None:
    """Bytes that this process may take now; None where the system does not say.

    The least of what the machine has, what the container allows, and the limit of the process's
    address space.
    """
    known = [each for each in (_machine(), _container(), _address_space()) if each is not None]
    return max(min(known), 0) if known else None


def _machine() -> int | None:
    kilobytes = _numbers("/proc/meminfo").get("MemAvailable:")
    return None if kilobytes is None else kilobytes * 1024


def _container() -> int | None:
    for limit, used, stat in _GROUPS:
        try:
            allowed, current = int(Path(limit).read_text()), int(Path(used).read_text())
        except (OSError, ValueError):  # none, or no limit ("max")
            continue
        return allowed - current + _numbers(stat).get("inactive_file", 0)
    return None


def _address_space() -> int | None:
    try:
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError):
        return None
    return None if allowed == resource.RLIM_INFINITY else allowed - used


def _numbers(path: str) -> dict[str, int]:
    try:
        lines = [line.split() for line in Path(path).read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}
