"""Forget what the user's own parts keep: their modules are imported anew."""

from __future__ import annotations

import importlib
import sys

from backtests.config import RunConfig
from backtests.own_parts import is_installed, own_parts


def forget(config: RunConfig) -> None:
    """Let the modules of the user's own parts be imported anew; the house's own are stateless.

    Of a package all its modules. What is installed stays, unless it is published as a part of
    newswake: a library's module may not be there twice.
    """
    for part in own_parts(config):
        package = part.module.split(".")[0]
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and (":" not in part.name or not is_installed(file)):
                del sys.modules[name]
    importlib.invalidate_caches()
