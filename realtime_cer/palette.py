"""One colour for each class and each model, the same in terminal, pictures and film.

Middle tones, which read on light and dark ground alike. Dark outlines and labels are the business of who draws.
"""

from typing import Final

from realtime_cer import labels

COMPOUND: Final = dict(
    zip(
        labels.COMPOUND,
        ("#8e6bd6", "#c98a00", "#3a8bd9", "#3f9e4d", "#e0533d", "#17999a", "#c2549b"),
        strict=True,
    )
)
"""Colour of every compound expression."""

BASIC: Final = dict(
    zip(
        labels.BASIC,
        ("#8a8f98", "#e0533d", "#3f9e4d", "#8e6bd6", "#c98a00", "#3a8bd9", "#d9722e"),
        strict=True,
    )
)
"""Colour of every basic emotion and of Neutral."""

MODELS: Final = dict(zip(labels.MODELS, ("#2e86c8", "#e08e00", "#159a73"), strict=True))
"""Colour of every model."""

QUIET: Final = "#808080"
"""What stays in the background: abstention, bar tracks, frames."""
GOOD: Final = "#2e9e4f"
"""Something is there and works."""
WARN: Final = "#d08700"
"""Something wants attention; nothing is broken."""
