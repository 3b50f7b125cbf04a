"""`headstart` and `python -m headstart`."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line and exit with its code."""
    # A stream that was closed before the start is None, and its number free for another file.
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    try:
        from headstart.cli.app import run
        from headstart.progress import process_began

        code = run(sys.argv[1:], began=process_began())
    except KeyboardInterrupt:
        code = 130
    except MemoryError:
        sys.exit("headstart: there is not enough memory to start; see ulimit -v.")
    sys.exit(code)


if __name__ == "__main__":
    main()
