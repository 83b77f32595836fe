"""A person's own neutral: what the networks say of a resting face, taken out of what they say later. Pure.

Some faces look angry or sad at rest, to people and to networks alike. Let ``p_1 ... p_n`` be what a model said of three
seconds of somebody's neutral face, and ``q`` what it says of neutral faces at large. In log-probability, where a
change of the last layer's bias is a shift, the shift that takes the one to the other is

    b = ln q - mean_i ln p_i ,

so that the geometric mean of the ``p_i exp(b)``, made to sum to 1, is exactly ``q``. Few pictures say little, and a
large shift would drown every expression. So it is shrunk by ``n / (n + SHRINK)``, its mean over the classes, which
changes nothing, is taken out, it is cut at ``MOST`` either way, and what is left of the mean is taken out again:

    p' = p exp(b) / sum_c p_c exp(b_c) .

Undone by no longer applying it; nothing of the networks or of earlier rows is changed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import BASIC
from realtime_cer.records import Floats, Scores, read_only

SECONDS = 3.0
"""How long a neutral face is looked at."""

LEAST = 5
"""Fewer scores of a model make no baseline."""

SHRINK = 5.0
MOST = 1.5

_FLOOR = 1e-4
_NEUTRAL = 0.7

EXPECTED: Floats = read_only(
    np.array([_NEUTRAL if name == "Neutral" else (1 - _NEUTRAL) / (len(BASIC) - 1) for name in BASIC], np.float32)
)
"""What is said of a neutral face at large: 0.7 neutral, and the rest evenly."""


def shift(probabilities: Sequence[npt.ArrayLike], expected: npt.ArrayLike = EXPECTED) -> Floats:
    """The shift in log-probability, (7,), that a neutral face asks for.

    Parameters
    ----------
    probabilities : (n, 7), what one model said of the neutral face; n at least 1
    expected : (7,), what it should have said
    """
    said = np.log(np.maximum(np.asarray(probabilities, np.float64), _FLOOR))
    if said.ndim != 2 or len(said) == 0:
        raise ValueError(f"probabilities have shape {said.shape}, not (n, classes) with n at least 1")
    wanted = np.log(np.maximum(np.asarray(expected, np.float64), _FLOOR))
    b = (wanted - said.mean(axis=0)) * len(said) / (len(said) + SHRINK)
    b = np.clip(b - b.mean(), -MOST, MOST)
    return read_only((b - b.mean()).astype(np.float32))


def shifted(scores: Scores, by: Floats) -> Scores:
    """Scores with a shift applied to them."""
    odds = scores.probabilities.astype(np.float64) * np.exp(by.astype(np.float64))
    return Scores(scores.t, read_only((odds / odds.sum()).astype(np.float32)), scores.engine)


class Baseline:
    """Three seconds of one face on their way to a shift for each model, and that shift.

    Attributes
    ----------
    shifts : by model, once the three seconds are over; empty if too little was seen
    """

    def __init__(self) -> None:
        self.shifts: dict[str, Floats] = {}
        self._begun: float | None = None
        self._said: dict[str, list[Floats]] = {}
        self._last: dict[str, float] = {}
        self.ready = False
        """Whether the three seconds are over."""
        self._t = 0.0

    @property
    def progress(self) -> float | None:
        """Share of the three seconds that is over; None when all of them are."""
        if self.ready:
            return None
        return 0.0 if self._begun is None else min((self._t - self._begun) / SECONDS, 1.0)

    def learn(self, t: float, scores: Mapping[str, Scores | None]) -> None:
        """Take in what the models said of the face at ``t``; each of their scores counts once."""
        if self.ready:
            return
        self._begun = t if self._begun is None else self._begun
        self._t = t
        for name, one in scores.items():
            if one is not None and one.t > self._last.get(name, -np.inf):
                self._last[name] = one.t
                self._said.setdefault(name, []).append(one.probabilities)
        if t - self._begun >= SECONDS - 1e-6:
            self.shifts = {name: shift(said) for name, said in self._said.items() if len(said) >= LEAST}
            self.ready = True
            self._said.clear()

    def applied(self, name: str, scores: Scores | None) -> Scores | None:
        """A model's scores, shifted where it has a baseline."""
        by = self.shifts.get(name)
        return scores if scores is None or by is None else shifted(scores, by)
