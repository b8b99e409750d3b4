"""The known-answer market: invented companies, a planted edge of stated size, and stories about them."""

from markets.sources.synthetic.stories import PlannedStory
from markets.sources.synthetic.world import SyntheticSettings, SyntheticSource, World, world

__all__ = ["PlannedStory", "SyntheticSettings", "SyntheticSource", "World", "world"]
