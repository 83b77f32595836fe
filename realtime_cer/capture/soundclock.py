"""Where a live stream of sound lies on the clock. Pure: no threads, the clock's readings are arguments."""

from collections import deque
from dataclasses import dataclass

from realtime_cer.capture.drift import Drift
from realtime_cer.records import Floats

TOLERANCE_S = 0.050
"""Sample count and clock may differ by this before the sound is anchored anew."""

_STEADY_S, _SURE_S = 5.0, 2.0
"""For how long, where nothing was said to be lost: a busy machine may be late for long, but not by ``_PLAIN_S``."""
_PLAIN_S = 0.25

_EARLY = 3
"""Pieces in a row that are too early before it is believed: some servers now and then tell a wrong age of the sound."""

_SLEW = 0.002
"""Share of the time by which the anchor moves at most, beyond the drift: a thirtieth of a semitone."""

_EASE_S = 10.0
"""Time constant with which it does."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What one callback of the sound library brought.

    ``mono`` is (n,) float32, ``begun`` the clock's best guess at when its first sample was taken: never too early,
    often too late. ``lost`` samples before it were thrown away here; ``broken`` says that the library lost some, and
    ``starved`` that it had too few and put in silence.
    """

    mono: Floats
    begun: float
    lost: int = 0
    broken: bool = False
    starved: bool = False


class SoundClock:
    """Gives pieces of a stream their times: from the sample count, anchored to the clock.

    Callbacks come late by chance, never early, so the anchor is the earliest of the first ``settle_s`` seconds,
    which are held back that long. Afterwards the count speaks, and the anchor follows smoothly what `Drift` finds: the
    sound card's clock and ours differ by some millionths, which makes 0.36 s in an hour of 100 of them. It jumps only
    after a loss, or where everything in the last seconds was further than ``TOLERANCE_S`` from it.

    A piece so begins a few microseconds before or after the end of the one before; only what differs by a millisecond
    and more is a gap.

    Parameters
    ----------
    rate : samples per second
    settle_s : seconds of sound that decide about the first anchor

    Attributes
    ----------
    gaps : how often it jumped
    drift : by how much faster our clock runs than the sound card's, as a share
    """

    def __init__(self, rate: int, settle_s: float = 0.25) -> None:
        self.rate = rate
        self.gaps = 0
        self._settle = settle_s * rate
        self._held: list[tuple[int, Piece]] = []
        self._count = 0
        self._anchor: float | None = None
        self._early = 0
        self._late: deque[tuple[float, float]] = deque()
        self._drift = Drift()

    @property
    def drift(self) -> float:
        return self._drift.slope

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
        elif self._ahead(late):
            # The sound runs ahead of the clock. Time does not go back: what would overlap is left out.
            early = min(round(-late * self.rate), len(mono))
            mono = mono[early:]
            self._anchor -= early / self.rate
            self._count += early
            self._gap()
        else:
            self._follow(piece)
            self._late.append((piece.begun, late))
            steady = self._steady(piece.begun)
            if steady is not None:
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

    def _ahead(self, late: float) -> bool:
        """Whether the sound runs ahead of the clock, and not only one reading of the clock is wrong."""
        self._early = self._early + 1 if late < -TOLERANCE_S else 0
        return self._early >= _EARLY

    def _steady(self, now: float) -> float | None:
        """By how much everything was late for so long that something must have been lost; None if that is not so."""
        while self._late[0][0] < now - _STEADY_S:
            self._late.popleft()
        for span, least in ((_SURE_S, _PLAIN_S), (_STEADY_S, TOLERANCE_S)):
            steady = min(late for begun, late in self._late if begun >= now - span)
            if steady > least and now - self._late[0][0] > 0.75 * span:
                return steady
        return None

    def _follow(self, piece: Piece) -> None:
        """Let the anchor move a little towards where the earliest pieces of the last minutes say that it is."""
        assert self._anchor is not None
        x = self._count / self.rate
        self._drift.see(x, piece.begun - x)
        target = self._drift.at(x)
        if target is not None:
            pull = min(max((target - self._anchor) / _EASE_S, -_SLEW), _SLEW)
            self._anchor += (self._drift.slope + pull) * len(piece.mono) / self.rate

    def _move(self, seconds: float) -> float:
        assert self._anchor is not None
        self._anchor += seconds
        return self._anchor + self._count / self.rate

    def _gap(self) -> None:
        self.gaps += 1
        self._late.clear()
        self._drift.forget()
