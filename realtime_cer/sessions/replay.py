"""Rows recomputed from the probabilities that they hold, by the function that live decides with. Pure.

Rows keep every network's float32 numbers to the last bit, so with the settings of then the rows of then come out.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import MODELS
from realtime_cer.pipeline.decision import decision
from realtime_cer.records import Decision, Face, Scores, read_only
from realtime_cer.rules import NO_FACE, NOTHING_FRESH
from realtime_cer.smoothing import Smoother

Settings = tuple[Config, FusionWeights]
"""Rule, and whether to abstain; and fusion weights of two models (static, dynamic) or three."""

_NO_LANDMARKS = read_only(np.zeros((0, 2), np.float32))


def replay(
    rows: Sequence[Decision],
    settings_of: Callable[[Decision], Settings],
    *,
    without: Collection[str] = (),
    smoothing_s: float = 0.0,
) -> Iterator[Decision]:
    """What would have been decided with other settings.

    Parameters
    ----------
    rows : in the order of time
    settings_of : by what each row is to be decided; rule and weights may have been changed between two of them
    without : models that are taken as missing
    smoothing_s : give what a view with this time constant shows: its label, its reason and its compound values; 0 gives
        the rows as they are

    Notes
    -----
    A row without static scores tells nothing of whether a face was looked for, unless nothing at all was known. Where
    its sound is taken away too, "no face" is said if the rows come from a camera at all.
    """
    sighted = any(row.face is not None or row.reason == NO_FACE for row in rows)
    smoother = Smoother(smoothing_s)
    for row in rows:
        again = _again(row, settings_of(row), without, sighted)
        if smoothing_s:
            shown = smoother.feed(again)
            total = sum(again.basic or ())
            compound = None if shown.compound is None else tuple(share * total for share in shown.compound)
            again = replace(again, label=shown.label, reason=shown.reason, compound=compound)
        yield again


def _again(row: Decision, settings: Settings, without: Collection[str], sighted: bool) -> Decision:
    scores: dict[str, Scores | None] = {}
    for name in MODELS:
        values = row.models.get(name)
        known = values is not None and name not in without
        scores[name] = Scores(row.t, np.array(values, np.float32), row.engine.get(name) or "") if known else None
    again = decision(
        row.t,
        row.seq,
        scores,
        None if row.face is None else Face(0, row.face, _NO_LANDMARKS),
        *settings,
        searched=row.reason == NO_FACE or (sighted and row.reason != NOTHING_FRESH),
        now=row.t,
        dropped=row.dropped,
    )
    ages = {name: None if scores.get(name) is None else age for name, age in row.age_ms.items()}
    engines = {name: None if scores.get(name) is None else engine for name, engine in row.engine.items()}
    people = tuple(replace(one, decision=_again(one.decision, settings, without, sighted)) for one in row.people)
    return replace(again, age_ms=ages, engine=engines, meters=row.meters, people=people)
