"""The console script's door: ``newswake`` and ``python -m backtests``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    import signal

    from backtests.cli import app

    # A plain kill ends a run as Ctrl-C does: the ledger hears of it, nothing half-written stays.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
