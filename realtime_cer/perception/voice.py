"""Is somebody speaking? Told from the sound (Silero) or from the mouth (its opening)."""

import threading
from collections import deque
from typing import Protocol

import numpy as np

from realtime_cer.records import SAMPLE_RATE, AudioWindow, Face, Floats

_UPPER_LIP = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
_LOWER_LIP = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
_EYES = [[33, 133], [263, 362]]

_KEPT_S = 5.0


class Voice(Protocol):
    """A detector of speech; ``share`` tells how much of the time just before ``t`` was speech."""

    def hear(self, window: AudioWindow) -> None:
        """Take in sound that follows the last; where it does not, the detector starts anew."""

    def look(self, t: float, face: Face | None) -> None:
        """Take in the target face of one frame."""

    def share(self, t: float, span_s: float) -> float:
        """Share of [t - span_s, t] that was speech, 0 to 1."""


class SileroVoice:
    """Voice activity of the sound, in blocks of 512 samples.

    Parameters
    ----------
    network : gives the probability of speech of (512,) samples and remembers; has ``reset``
    threshold : what counts as speech
    block : samples a call
    """

    def __init__(self, network: "SpeechNetwork", threshold: float, block: int = 512) -> None:
        self._network = network
        self._threshold = threshold
        self._block = block
        self._rest = np.zeros(0, np.float32)
        self._end = float("-inf")
        self._blocks: deque[tuple[float, bool]] = deque()

    def hear(self, window: AudioWindow) -> None:
        """Run the network over every whole block; what is left over waits for the next sound.

        Raises
        ------
        EngineFault
            The network has no answer this time.
        """
        start = window.t - len(window.samples) / SAMPLE_RATE
        if abs(start - self._end) > 1e-3:
            self._network.reset()
            self._rest = self._rest[:0]
        self._end = float("-inf")  # where the network fails, the next sound starts anew
        samples = np.concatenate([self._rest, window.samples])
        whole = len(samples) // self._block * self._block
        t = window.t - len(samples) / SAMPLE_RATE
        for begin in range(0, whole, self._block):
            spoken = self._network(samples[begin : begin + self._block]) >= self._threshold
            self._blocks.append((t + (begin + self._block) / SAMPLE_RATE, spoken))
        self._rest = samples[whole:]
        self._end = window.t
        while self._blocks and self._blocks[0][0] < window.t - _KEPT_S:
            self._blocks.popleft()

    def look(self, t: float, face: Face | None) -> None:
        """Sound needs no picture."""

    def share(self, t: float, span_s: float) -> float:
        """Share of the blocks ended in (t - span_s, t] that are speech."""
        return _share(list(self._blocks), t, span_s)


class SpeechNetwork(Protocol):
    """What ``SileroVoice`` needs of a network."""

    def reset(self) -> None:
        """Forget what was heard."""

    def __call__(self, block: Floats) -> float:
        """Probability of speech in one block."""


def mouth_opening(landmarks: Floats) -> float:
    """Area between the inner lips over the squared distance of the eyes; no unit, 0 for a closed mouth."""
    ring = np.concatenate([landmarks[_UPPER_LIP], landmarks[_LOWER_LIP[::-1]]]).astype(np.float64)
    x, y = ring[:, 0], ring[:, 1]
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    eyes = [landmarks[corners].mean(axis=0) for corners in _EYES]
    distance = float(np.sum((eyes[0] - eyes[1]) ** 2))
    return area / distance if distance > 0 else 0.0


class MouthVoice:
    """Voice activity of the mouth: open where its smoothed opening is above its running mean.

    The published method smooths over 30 frames and compares with the clip's mean, which a live system does not know:
    here the smoothing spans one second and the mean the last half minute of the same face. Safe for one looking and
    one asking thread.
    """

    _SMOOTH = 5
    _MEAN_S = 30.0
    _STEP_S = 0.2

    def __init__(self) -> None:
        self._face: int | None = None
        self._recent: deque[float] = deque(maxlen=self._SMOOTH)
        self._mean = 0.0
        self._count = 0
        self._open: deque[tuple[float, bool]] = deque()
        self._lock = threading.Lock()

    def hear(self, window: AudioWindow) -> None:
        """The mouth needs no sound."""

    def look(self, t: float, face: Face | None) -> None:
        """Take in one frame; another face starts anew, a frame without a face is a closed mouth."""
        with self._lock:
            if face is not None and face.id != self._face:
                self._face = face.id
                self._recent.clear()
                self._mean, self._count = 0.0, 0
            is_open = False
            if face is not None:
                opening = mouth_opening(face.landmarks)
                self._recent.append(opening)
                self._count = min(self._count + 1, int(self._MEAN_S / self._STEP_S))
                self._mean += (opening - self._mean) / self._count
                is_open = sum(self._recent) / len(self._recent) > self._mean and opening > 1e-3
            self._open.append((t, is_open))
            while self._open[0][0] < t - _KEPT_S:
                self._open.popleft()

    def share(self, t: float, span_s: float) -> float:
        """Share of the frames in (t - span_s, t] with an open mouth."""
        with self._lock:
            return _share(list(self._open), t, span_s)


def _share(marks: list[tuple[float, bool]], t: float, span_s: float) -> float:
    inside = [spoken for when, spoken in marks if t - span_s + 1e-6 < when <= t + 1e-6]
    return sum(inside) / len(inside) if inside else 0.0
