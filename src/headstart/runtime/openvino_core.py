"""The OpenVINO of a process."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino as ov

_CORES: "dict[int, ov.Core]" = {}


def core() -> "ov.Core":
    """The OpenVINO of this process, which is kept to its end; a forked process has its own.

    Where the processor has AMX, OpenVINO gives the thread that opens it a stack for signals. Freed
    by another thread, as an old model of a server is, it leaves that thread with a stack that is
    gone: the next signal, such as SIGTERM, then kills the process.
    """
    import openvino as ov

    own = _CORES.get(os.getpid())
    return own or _CORES.setdefault(os.getpid(), ov.Core())
