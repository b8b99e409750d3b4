"""The console script's door: ``newswake`` and ``python -m backtests``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from backtests.cli import app

    app()


if __name__ == "__main__":
    main()
