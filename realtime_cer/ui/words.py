"""The words of the program's states, short enough for one line. Pure functions of what is shown."""

from realtime_cer.labels import COMPOUND, PAIRS
from realtime_cer.records import Decision, Snapshot

REASONS = {
    "no face": "no face in the picture",
    "nothing fresh": "no fresh picture or sound",
    "neutral dominates": "mostly neutral",
    "no emotion above 1/7": "no emotion stands out",
}
"""Why the program abstains, for people."""

MODELS = {"static": "static", "dynamic": "dynamic", "acoustic": "sound"}
"""What the models are called on screen."""


def reason(decision: Decision) -> str:
    """Why this decision abstains."""
    return REASONS.get(decision.reason or "", decision.reason or "")


def pair(label: str) -> str:
    """The two basic emotions of a compound expression."""
    return " + ".join(PAIRS[COMPOUND.index(label)])


def strongest(decision: Decision) -> tuple[str, float] | None:
    """The compound expression with the highest value, and that value; None where there is none."""
    if not decision.compound or not any(decision.compound):
        return None
    return max(zip(COMPOUND, decision.compound, strict=True), key=lambda one: one[1])


_STALE_S = 2.0
"""What came in longer ago is no longer there."""


def missing(model: str, snapshot: Snapshot) -> str:
    """Why a model says nothing at this moment."""
    if model == "acoustic":
        if not any(source.kind in ("microphone", "file") for source in snapshot.sources):
            return "no microphone"
        if not snapshot.engines and snapshot.decision is None:
            return "loading"
        if snapshot.sound is None or snapshot.t - snapshot.sound.t > _STALE_S:
            return "no sound"
        if not snapshot.sound.voice:
            return "no voice"
        return "too old" if snapshot.sound.acoustic else "too little sound"
    if not snapshot.engines and snapshot.decision is None:
        return "loading"
    visual = snapshot.visual
    if visual is None or snapshot.t - visual.frame_t > _STALE_S:
        return "no picture"
    return "no face" if visual.face is None else "too late"


def age(seconds: float) -> str:
    """An age, in the unit that suits it."""
    return (
        f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
    )
