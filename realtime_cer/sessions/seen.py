"""What a row tells of the picture that it was decided on. Pure."""

import numpy as np

from realtime_cer.records import Decision, Face, Person, Visual, read_only
from realtime_cer.rules import NO_FACE

TARGET = -1
"""Stands for the target's number, which its row does not tell: nobody else has it."""

_NO_LANDMARKS = read_only(np.zeros((0, 2), np.float32))


def visual_of(row: Decision) -> Visual | None:
    """What a row tells of the picture; None where it does not tell whether a face was looked for."""
    if row.face is None and row.reason != NO_FACE:
        return None
    face = None if row.face is None else Face(TARGET, row.face, _NO_LANDMARKS)
    return Visual(row.seq, row.t, face, None, None)


def people_of(row: Decision) -> tuple[Person, ...]:
    """Everybody whom a row tells of, its own target first."""
    if not row.people or row.face is None:
        return row.people
    gated = row.models.get("acoustic") is not None
    return (Person(TARGET, row.face, row, None, gated=gated, calibrated=False), *row.people)
