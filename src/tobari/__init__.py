"""Tobari: compute together on data that none of the parties may show.

The folders below are zones, and a zone tells who can see what. `docs/adr/0001-zones.md` draws the house.
"""

__version__ = "0.1.0"
