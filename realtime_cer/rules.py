"""From fused probabilities to a compound expression, or to a reason why none is named. Pure functions on arrays."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from realtime_cer.fusion import Array, FusionWeights, fuse, present_weights
from realtime_cer.labels import BASIC, COMPOUND, NEUTRAL, PAIRS

Rule = Literal["none", "rule1", "rule2", "rule3"]
RULES: tuple[Rule, ...] = ("none", "rule1", "rule2", "rule3")

UNIFORM = 1 / len(BASIC)
"""The probability of a class when nothing is known: the threshold of Rule 1 and of abstention."""

NO_FACE = "no face"
NOTHING_FRESH = "nothing fresh"
NEUTRAL_DOMINATES = "neutral dominates"
NO_EMOTION = "no emotion above 1/7"
REASONS = (NO_FACE, NOTHING_FRESH, NEUTRAL_DOMINATES, NO_EMOTION)
"""Every reason to abstain."""

_PAIRS = np.array([[BASIC.index(a), BASIC.index(b)] for a, b in PAIRS])
# Equation 6: how much each half of a pair counts, in the order of PAIRS.
_RULE2 = np.array(
    [[5 / 7, 2 / 7], [6 / 8, 2 / 8], [4 / 6, 2 / 6], [6 / 8, 2 / 8], [5 / 7, 2 / 7], [4 / 9, 5 / 9], [4 / 9, 5 / 9]]
)

# How often each basic emotion occurs in the training part of RAF-DB (12,271 faces), in the order of BASIC.
_COUNTS = np.array([2524, 705, 717, 281, 4772, 1982, 1290])
# Rule 3: see ``compound``. Scaled so that evenly spread classes would give ones.
_RARITY = np.sqrt(_COUNTS.sum() / len(BASIC) / _COUNTS)


def _matrix(pair_weights: Array) -> Array:
    """(7 basic, 7 compound) matrix that takes basic probabilities to compound scores."""
    matrix = np.zeros((len(BASIC), len(COMPOUND)))
    for column, (pair, weight) in enumerate(zip(_PAIRS, pair_weights, strict=True)):
        matrix[pair, column] = weight
    return matrix


# What a basic probability adds to each compound score. Rule 1 sets some to 0 first, Rule 3 is scaled afterwards.
_FACTORS: dict[Rule, Array] = {
    "none": _matrix(np.ones((len(COMPOUND), 2))),
    "rule1": _matrix(np.ones((len(COMPOUND), 2))),
    "rule2": _matrix(_RULE2),
    "rule3": _matrix(_RARITY[_PAIRS]),
}


def compound(fused: npt.ArrayLike, rule: Rule) -> Array:
    """Compound scores of fused probabilities.

    Parameters
    ----------
    fused : (..., 7) in the order of ``labels.BASIC``
    rule : "none" sums the pair; "rule1" does so after entries below 1/7 became 0 (equations 4 and 5);
        "rule2" weights the halves (equation 6); "rule3" corrects for rare emotions, then sums the pair

    Returns
    -------
    (..., 7) in the order of ``labels.COMPOUND``

    Raises
    ------
    ValueError
        An unknown rule, or another last dimension than 7.

    Notes
    -----
    A network's probability is p(c | x) ~ p(x | c) pi(c): it has learned how often each emotion occurs among the basic
    faces of its corpus, pi, where Happiness is seventeen times as frequent as Fear. Among compound faces pi does not
    hold, and what does hold is unknown. Rule 3 takes the geometric mean of pi and the uniform prior, which divides p by
    sqrt(pi), and brings the result back to the sum of p: ``q = p / sqrt(pi) * sum(p) / sum(p / sqrt(pi))``, then
    ``q[a] + q[b]``. It was derived without labels of compound faces, and compared with the others on RAF-CE. The prior
    is RAF-DB's, whatever was fused: for networks that learned another one it is an approximation.
    """
    p = np.asarray(fused, np.float64)
    if p.shape[-1:] != (len(BASIC),):
        raise ValueError(f"fused must be (..., {len(BASIC)}), not {p.shape}")
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; choose {', '.join(RULES)}")
    if rule == "rule1":
        p = np.where(p < UNIFORM, 0.0, p)
    scores = np.asarray(p @ _FACTORS[rule])
    if rule == "rule3":
        weighed = (p * _RARITY).sum(axis=-1, keepdims=True)
        scores = scores * p.sum(axis=-1, keepdims=True) / np.where(weighed > 0, weighed, 1.0)
    return scores


def shares(contributions: npt.ArrayLike, rule: Rule, winner: int) -> Array:
    """How much of the winner's score each model brought: (M, 7) contributions give (M,), summing to 1.

    Where Rule 1 leaves nothing of the winner, the plain sum is shared out instead; all zeros if that is 0 too.
    """
    c = np.asarray(contributions, np.float64)
    fused = c.sum(axis=0)
    if rule == "rule1" and compound(fused, rule)[winner] > 0:
        c = np.where(fused < UNIFORM, 0.0, c)
    parts = c @ _FACTORS[rule][:, winner]
    total = parts.sum()
    return np.asarray(parts / total if total > 0 else np.zeros(len(c)))


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the rules say of one set of scores; ``label`` is None where ``reason`` says why."""

    label: str | None
    reason: str | None
    fused: Array | None
    compound: Array | None
    shares: Array


def judge(
    scores: npt.ArrayLike,
    present: npt.ArrayLike,
    weights: FusionWeights,
    rule: Rule,
    *,
    always_decide: bool = False,
    no_face: bool = False,
) -> Verdict:
    """Fuse one set of probabilities and name the compound expression, or say why not.

    Parameters
    ----------
    scores : (M, 7) probabilities; rows of missing models are ignored
    present : (M,) bool
    weights, rule : as in ``fuse`` and ``compound``
    always_decide : the paper's bare argmax; then only the lack of every model abstains
    no_face : a fresh picture was searched and held no face; the reason where no model is present

    Notes
    -----
    The comparison with 1/7 is made on the scale of probabilities: v shrinks the fused vector, so it is first divided,
    class by class, by the sum of v W. ``fused`` and ``compound`` stay as the equations give them.
    """
    here = np.asarray(present, bool)
    if not here.any():
        return Verdict(None, NO_FACE if no_face else NOTHING_FRESH, None, None, np.zeros(len(here)))
    fused, contributions = fuse(scores, weights, here)
    values = compound(fused, rule)
    empty = not values.any()
    # All zeros have no winner; the plain sum then tells which class was strongest.
    winner = int((compound(fused, "none") if empty and not always_decide else values).argmax())
    reason = None
    if not always_decide:
        p = fused
        if weights.models is not None:
            p = fused / np.maximum(present_weights(weights, here).sum(axis=0), np.finfo(float).tiny)
        if p[NEUTRAL] > p[_PAIRS[winner]].sum():
            reason = NEUTRAL_DOMINATES
        elif empty or np.delete(p, NEUTRAL).max() < UNIFORM:
            reason = NO_EMOTION
    label = COMPOUND[winner] if reason is None else None
    return Verdict(label, reason, fused, values, shares(contributions, rule, winner))
