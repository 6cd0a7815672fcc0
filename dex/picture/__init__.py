"""Pictures of routes as SVG text; pure functions, no dependency."""

from dex.picture.flow import Band
from dex.picture.sankey import describe, sankey

__all__ = ["Band", "describe", "sankey"]
