"""The known-answer market: invented companies, stories about them, an edge of stated size."""

from markets.sources.synthetic.stories import PlannedStory
from markets.sources.synthetic.world import (
    INDEX_NAME,
    SyntheticSettings,
    SyntheticSource,
    World,
    world,
)

__all__ = [
    "INDEX_NAME",
    "PlannedStory",
    "SyntheticSettings",
    "SyntheticSource",
    "World",
    "world",
]
