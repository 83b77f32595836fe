"""Where a live stream of sound lies on the clock. Pure: no threads, the clock's readings are arguments."""

from collections import deque
from dataclasses import dataclass

from realtime_cer.records import Floats

TOLERANCE_S = 0.050
"""Sample count and clock may differ by this before the sound is anchored anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What one callback of the sound library brought.

    ``mono`` is (n,) float32, ``begun`` the clock's best guess at when its first sample was taken: never too early,
    often too late. ``lost`` samples before it were thrown away here; ``broken`` says that the library lost some.
    """

    mono: Floats
    begun: float
    lost: int = 0
    broken: bool = False


class SoundClock:
    """Gives pieces of a stream their times: from the sample count, anchored to the clock.

    Callbacks come late by chance, never early, so the anchor is the earliest of the first ``settle_s`` seconds,
    which are held back that long. Afterwards the count alone speaks, except after a loss, or where everything in
    the last two seconds was further than ``TOLERANCE_S`` from it.

    Parameters
    ----------
    rate : samples per second
    settle_s : seconds of sound that decide about the first anchor
    """

    def __init__(self, rate: int, settle_s: float = 0.25) -> None:
        self.rate = rate
        self.gaps = 0
        self._settle = settle_s * rate
        self._held: list[tuple[int, Piece]] = []
        self._count = 0
        self._anchor: float | None = None
        self._late: deque[tuple[float, float]] = deque()

    def place(self, piece: Piece) -> list[tuple[float, Floats]]:
        """Take the next piece; gives the sound that now has its place: start in seconds, samples (n,) float32."""
        if self._anchor is None:
            return self._hold(piece)
        if piece.lost:
            self._count += piece.lost
            self._gap()
        expected = self._anchor + self._count / self.rate
        late = piece.begun - expected
        mono = piece.mono
        if piece.broken:
            if late > 0:
                expected = self._move(late)
            self._gap()
        elif late < -TOLERANCE_S:
            # The sound runs ahead of the clock. Time does not go back: what would overlap is left out.
            early = min(round(-late * self.rate), len(mono))
            mono = mono[early:]
            self._anchor -= early / self.rate
            self._count += early
            self._gap()
        else:
            self._late.append((piece.begun, late))
            while self._late[0][0] < piece.begun - 2.0:
                self._late.popleft()
            steady = min(each for _, each in self._late)
            if steady > TOLERANCE_S and self._late[-1][0] - self._late[0][0] > 1.5:
                expected = self._move(steady)
                self._gap()
        self._count += len(mono)
        return [(expected, mono)] if len(mono) else []

    def _hold(self, piece: Piece) -> list[tuple[float, Floats]]:
        self._count += piece.lost
        self._held.append((self._count, piece))
        self._count += len(piece.mono)
        if self._count < self._settle:
            return []
        anchor = min(piece.begun - count / self.rate for count, piece in self._held)
        placed = [(anchor + count / self.rate, piece.mono) for count, piece in self._held]
        self._anchor, self._held = anchor, []
        return placed

    def _move(self, seconds: float) -> float:
        assert self._anchor is not None
        self._anchor += seconds
        return self._anchor + self._count / self.rate

    def _gap(self) -> None:
        self.gaps += 1
        self._late.clear()
