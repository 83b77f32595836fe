"""What came out of a whole run, on one page of JSON."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import platform, python_version
from typing import Any

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision

_LIBRARIES = ("realtime-cer", "numpy", "onnxruntime", "mediapipe", "opencv-python", "av", "silero-vad")


def library_versions() -> dict[str, str]:
    """Versions of what computed the result, by package name."""
    found = {"python": python_version(), "system": platform(terse=True)}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


class Tally:
    """Counts decisions as they come, in constant memory."""

    def __init__(self) -> None:
        self.count = 0
        self._labels: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._present: Counter[str] = Counter()
        self._shares: defaultdict[str, float] = defaultdict(float)
        self._faces = self._dropped = 0

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        self.count += 1
        if decision.label is not None:
            self._labels[decision.label] += 1
            for name, share in decision.contributions.items():
                self._shares[name] += share
        elif decision.reason is not None:
            self._reasons[decision.reason] += 1
        self._faces += decision.face is not None
        self._dropped += decision.dropped
        self._present.update(name for name in MODELS if decision.models.get(name) is not None)

    def result(self) -> dict[str, Any]:
        """Counts, and shares of all decisions; shares of models are means over the decided ones."""
        decided = sum(self._labels.values())

        def share(counts: Mapping[str, float], names: Iterable[str], of: int) -> dict[str, float]:
            return {name: round(counts[name] / of, 4) if of else 0.0 for name in names}

        return {
            "decisions": self.count,
            "decided": decided,
            "abstained": self.count - decided,
            "labels": {name: self._labels[name] for name in COMPOUND},
            "reasons": dict(self._reasons.most_common()),
            "label_shares": share(self._labels, COMPOUND, self.count),
            "reason_shares": share(self._reasons, self._reasons, self.count),
            "face_share": round(self._faces / self.count, 4) if self.count else 0.0,
            "model_present_shares": share(self._present, MODELS, self.count),
            "model_mean_contributions": share(self._shares, MODELS, decided),
            "dropped": self._dropped,
        }


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON, whole or not at all."""
    partial = path.with_suffix(".part")
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # A path may hold bytes that are no letters: the escape that is then written is one of JSON, too.
    partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    partial.replace(path)
