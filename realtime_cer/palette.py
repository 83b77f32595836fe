"""One colour for each class and each model, the same in terminal, pictures and film.

In the order of the names in ``labels``. Middle tones, which read on light and dark ground alike.
"""

from typing import Final

COMPOUND: Final = ("#8e6bd6", "#c98a00", "#3a8bd9", "#3f9e4d", "#e0533d", "#17999a", "#c2549b")
"""Of ``labels.COMPOUND``."""

BASIC: Final = ("#8a8f98", "#e0533d", "#3f9e4d", "#8e6bd6", "#c98a00", "#3a8bd9", "#d9722e")
"""Of ``labels.BASIC``."""

MODELS: Final = ("#2e86c8", "#e08e00", "#159a73")
"""Of ``labels.MODELS``; told apart by people with any kind of colour vision."""

QUIET: Final = "#808080"
"""What stays in the background: abstention, tracks of bars."""

GOOD: Final = "#2e9e4f"
"""Something is there and works."""

WARN: Final = "#d08700"
"""Something wants attention."""
