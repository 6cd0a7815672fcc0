"""Pictures of routes as SVG text; pure functions, no dependency."""

from dex.picture.flow import Band
from dex.picture.sankey import sankey
from dex.picture.words import describe

__all__ = ["Band", "describe", "sankey"]
