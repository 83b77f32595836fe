"""Decisions to draw, and what is looked for in a drawn picture."""

from dataclasses import replace
from typing import Any

import numpy as np

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.lettering import bgr
from realtime_cer.sinks.panels import layout

STEADY = [k / 25 for k in range(50)]
NONE: dict[str, Any] = dict.fromkeys(MODELS)


def decision(t: float, label: str | None = None, reason: str | None = None, **changes: Any) -> Decision:
    """A decision with a face and all models, or what ``changes`` say."""
    winner = COMPOUND.index(label) if label else 0
    said = Decision(
        t=t,
        seq=round(t * 5),
        face=(100.0, 60.0, 80.0, 100.0),
        label=label,
        reason=reason,
        basic=(1 / 7,) * 7,
        compound=tuple(0.8 if i == winner else 0.1 for i in range(7)),
        models=dict.fromkeys(MODELS, (0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1)),
        contributions=dict(zip(MODELS, (0.5, 0.3, 0.2), strict=True)),
        age_ms=NONE,
        dropped=0,
        rule="none",
        weights="equal",
        engine=NONE,
    )
    return replace(said, **changes)


def near(picture: Any, code: str, within: int = 12) -> int:
    """How many pixels have a colour."""
    return int((np.abs(picture.astype(int) - bgr(code)).max(axis=2) <= within).sum())


def inside(canvas: Any, width: int, height: int) -> Any:
    """The film's picture out of a canvas."""
    box = layout(width, height).picture
    return canvas[box.y : box.bottom, box.x : box.right]
