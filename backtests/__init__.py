"""A config becomes a result and a report."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("markets", "signals", "strategies", "backtests")


def _refuse_strangers() -> None:
    """Refuse to run beside another distribution's `signals` or `strategies`.

    The four packages have plain top-level names, which another project may use too; a mixture
    would fail somewhere far from its cause.
    """
    home = Path(__file__).resolve().parents[1]
    for name in PACKAGES[:-1]:
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
        if found != home:
            raise ImportError(
                f"newswake needs its own package {name!r} beside it in {home}, "
                f"but Python finds {found or 'none'}: use a separate environment"
            )


_refuse_strangers()
