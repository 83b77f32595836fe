"""One colour for each class and each model, the same in terminal, pictures and film.

In the order of the names in ``labels``. Within each set every pair is told apart by people with any kind of colour
vision: at least 12 CIEDE2000 apart as normal, protan, deutan and tritan eyes see them. A basic emotion that leads a
compound expression lends it its colour.
"""

from collections.abc import Mapping
from typing import Final

COMPOUND: Final = ("#c5aafe", "#e08a10", "#1a7bf0", "#2f7a4c", "#c8260c", "#08b5a2", "#b4358f")
"""Of ``labels.COMPOUND``."""

BASIC: Final = ("#8b939f", "#c8260c", "#2f7a4c", "#c5aafe", "#e08a10", "#1a7bf0", "#c2a679")
"""Of ``labels.BASIC``."""

MODELS: Final = ("#4f63c9", "#e08e00", "#17b29a")
"""Of ``labels.MODELS``."""

QUIET: Final = "#808080"
"""What stays in the background: abstention, tracks of bars."""

GOOD: Final = "#2e9e4f"
"""Something is there and works."""

WARN: Final = "#d08700"
"""Something wants attention."""

ON_LIGHT: Final[Mapping[str, str]] = {
    "#c5aafe": "#9881cd",
    "#e08a10": "#ca7b04",
    "#1a7bf0": "#3761d0",
    "#2f7a4c": "#247846",
    "#c8260c": "#c72208",
    "#08b5a2": "#109f8c",
    "#b4358f": "#af3186",
    "#8b939f": "#838e9d",
    "#c2a679": "#9c8b73",
    "#4f63c9": "#4d59bc",
    "#e08e00": "#c77d00",
    "#17b29a": "#039f89",
    QUIET: "#76797d",
    GOOD: "#22803f",
    WARN: "#955a00",
}
"""The same colours for a white ground: as far apart, and with a contrast of 3.3 to 1 at least. Found by a search for
the least change of hue and lightness under these two conditions."""
