"""The console script's door: ``newswake`` and ``python -m backtests``."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys

from markets.errors import INTERRUPTED


def main() -> None:
    """Run the command line; however it is interrupted, at whatever moment, it ends with 130.

    Commands say themselves what an interruption leaves behind. This door takes what reaches it
    before a command has begun and after it has ended.
    """
    # Registered before anything else and so called last: afterwards the interpreter takes its
    # handlers down, and a signal would kill a process that is only tidying up.
    atexit.register(_answer, signal.SIG_IGN)
    # A plain kill ends a run as Ctrl-C does: the ledger hears of it, nothing half-written stays.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from backtests.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    finally:
        # Whoever does not want to wait for threads and pools to close need not.
        _answer(lambda number, frame: os._exit(INTERRUPTED))
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()


def _answer(handler: object) -> None:
    """Let a handler answer Ctrl-C and a plain kill."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
