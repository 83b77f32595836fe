"""What a session without pixels keeps beside its decisions: landmarks, where the head turns, and how the voice sounds.

Pure: arrays in, numbers and rows out.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime_cer.records import SAMPLE_RATE, AudioBlock, Floats, Sound, Visual

SPAN_S = 0.2
"""How much sound before its time a row tells of: as much as lies between two rows."""

_KEPT_S = 1.0
_LOWEST_HZ, _HIGHEST_HZ = 70.0, 450.0
_VOICED = 0.5
"""Autocorrelation above which there is a pitch."""

_SILENT = 1e-4

# A grown-up's head, in millimetres, rounded: x to its left, y down, z to its back; the middle of the eyes is 0.
_POINTS = [33, 263, 4, 61, 291, 152]  # outer corners of the eyes, tip of the nose, corners of the mouth, chin
_HEAD = np.array([[-45, 0, 0], [45, 0, 0], [0, 45, -50], [-25, 72, -22], [25, 72, -22], [0, 112, -18]], np.float64)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head turns, in degrees: ``yaw`` to its left, ``pitch`` up, ``roll`` its left side down."""

    yaw: float
    pitch: float
    roll: float


def pose_of(landmarks: Floats) -> Pose | None:
    """The head's pose from (478, 2) landmarks in pixels; None where they are no face.

    Notes
    -----
    Seen from afar, ``p = s R[:2] X + o`` for a point X of the head: the 2 x 3 matrix is the least squares solution over
    six points, its rows made orthonormal by the singular value decomposition (Procrustes), the third their cross
    product, and ``R = Rz(roll) Rx(pitch) Ry(yaw)``. Within some degrees of the truth, as no head is the mean one.
    """
    if len(landmarks) <= max(_POINTS):
        return None
    seen = landmarks[_POINTS].astype(np.float64)
    if not np.isfinite(seen).all():
        return None
    head, seen = _HEAD - _HEAD.mean(axis=0), seen - seen.mean(axis=0)
    matrix, *_ = np.linalg.lstsq(head, seen, rcond=None)
    left, sizes, right = np.linalg.svd(matrix.T, full_matrices=False)
    if sizes[-1] < 1e-6:
        return None
    x, y = left @ right
    z = np.cross(x, y)
    return Pose(
        yaw=math.degrees(math.atan2(z[0], z[2])),
        pitch=math.degrees(math.asin(float(np.clip(-z[1], -1, 1)))),
        roll=math.degrees(math.atan2(-x[1], y[1])),
    )


def pitch_of(samples: Floats) -> float | None:
    """The fundamental frequency of a piece of voice in Hz, or None where there is none.

    Parameters
    ----------
    samples : (n,) at 16 kHz, 60 ms or more

    Notes
    -----
    The first peak of the autocorrelation that reaches 0.9 of the highest one between 70 and 450 Hz, with a parabola
    through its neighbours; each lag is divided by the energy of what overlaps, so that low voices do not lose.
    """
    x = samples.astype(np.float64) - samples.mean() if len(samples) else samples
    low, high = int(SAMPLE_RATE / _HIGHEST_HZ), int(SAMPLE_RATE / _LOWEST_HZ) + 1
    if len(x) < 2 * high or float(np.sqrt(np.mean(x**2))) < _SILENT:
        return None
    size = 1 << (2 * len(x) - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    raw = np.fft.irfft(spectrum * spectrum.conj(), size)[: high + 2]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    lags = np.arange(high + 2)
    overlap = np.sqrt(energy[len(x) - lags] * (energy[-1] - energy[lags]))
    similar = raw / np.maximum(overlap, 1e-12)
    inner = similar[low : high + 1]
    peaks = np.flatnonzero((inner >= similar[low - 1 : high]) & (inner > similar[low + 1 : high + 2]))
    if not len(peaks) or inner[peaks].max() < _VOICED:
        return None
    lag = low + int(peaks[inner[peaks] >= 0.9 * inner[peaks].max()][0])
    before, here, after = similar[lag - 1 : lag + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend else 0.0
    return float(SAMPLE_RATE / (lag + shift))


class Voice:
    """The sound of the last second, to be asked for what lies just before a time."""

    def __init__(self) -> None:
        self._blocks: deque[AudioBlock] = deque()

    def hear(self, block: AudioBlock) -> None:
        """Take in sound."""
        self._blocks.append(block)
        while self._blocks[0].t < block.t - _KEPT_S:
            self._blocks.popleft()

    def before(self, t: float) -> Floats:
        """What was heard in the 0.2 s before ``t``, or in what there is of them, (n,)."""
        pieces = [np.zeros(0, np.float32)]
        for block in self._blocks:
            start = round((t - SPAN_S - block.t) * SAMPLE_RATE)
            pieces.append(block.samples[max(start, 0) : max(start + round(SPAN_S * SAMPLE_RATE), 0)])
        return np.concatenate(pieces)


def signal_row(t: float, seq: int, visual: Visual | None, sound: Sound | None, voice: Floats) -> dict[str, Any]:
    """One row of ``signals.jsonl``, for instant ``seq`` at ``t`` seconds: plain values for JSON.

    Parameters
    ----------
    visual : what was seen at this instant
    sound : the newest that was heard
    voice : (n,) the sound just before, empty where there is none
    """
    face = visual.face if visual is not None and visual.k == seq else None
    pose = pose_of(face.landmarks) if face is not None else None
    pitch = pitch_of(voice)
    level = float(np.sqrt(np.mean(voice.astype(np.float64) ** 2))) if len(voice) else 0.0
    return {
        "t": round(t, 6),
        "seq": seq,
        "landmarks": None if face is None else np.round(face.landmarks.astype(np.float64), 1).tolist(),
        "pose": None if pose is None else {n: round(getattr(pose, n), 1) for n in Pose.__slots__},
        "speech": None if sound is None or sound.speech is None else round(sound.speech, 3),
        "voice": None if sound is None else sound.voice,
        "energy_db": round(20 * math.log10(max(level, 1e-6)), 1) if len(voice) else None,
        "pitch_hz": None if pitch is None else round(pitch, 1),
    }
