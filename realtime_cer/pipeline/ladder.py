"""The ladder of degradation: which rung a machine can bear. Pure: ``now`` is an argument, no threads.

==  ======================  =====================================================================================
0   full
1   smaller preview         the live picture has half the size, ten times a second at most
2   landmarks every second  the face of the picture before is reused for every second crop, 0.2 s old at most
    picture
3   sound every second      a window of sound every second instead of every half
4   2.5 pictures a second   decisions for even instants only, and 0.2 s more for each to wait for its picture
5   picture only, or        the other modality rests: sound if nobody speaks, else the one that costs more; later on
    sound only              the one that gives nothing any more; always sound where the picture is to be kept
==  ======================  =====================================================================================

Each rung has those above it in it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

FULL, PREVIEW, LANDMARKS, SOUND, RATE, ONE = range(6)

NAMES = ("full", "smaller preview", "landmarks every second picture", "sound every second", "2.5 pictures a second")

SPAN_S = 10.0
"""So long the machine must fail to keep up before a rung is given up, or have room before one is won back."""

FIRST_CLIMB_S = 60.0
LONGEST_CLIMB_S = 1800.0
"""From a fall to the next climb, so that there are no more than two turns a minute; climbs follow each other in half of
it. The wait doubles where a climb was soon followed by a fall."""

_SOON_S = 60.0  # a fall so soon after a climb shows that the climb was wrong
_CALM_S = 600.0  # after so long without a fall the wait begins anew
_LEAST = 8  # pictures: fewer say nothing, and are a fault of the source
_BEHIND = 0.9  # share of pictures in time, below which the machine does not keep up
_PROMPT = 0.95  # share within the ordinary deadline, from which there may be room
# Expected shares of a worker's time up to which there is room. A picture comes some time after its instant and must be
# analysed 150 ms after it: that takes no more than half of the step.
_VIDEO_ROOM = 0.5
_SOUND_ROOM = 0.75


@dataclass(frozen=True, slots=True)
class Load:
    """How the machine does: sums since the start, and what is so at this moment.

    ``judged`` counts the pictures whose lot is known: analysed, too late, or overtaken. Of these ``in_time`` reached
    their decision, ``prompt`` within the ordinary deadline. ``video_s``, ``face_s``, ``sound_s`` are seconds of work.
    ``drawn`` and ``heard`` tell whether there is a view and sound at all, ``voice`` whether somebody speaks, ``short``
    whether memory is.
    """

    judged: int = 0
    in_time: int = 0
    prompt: int = 0
    video_s: float = 0.0
    face_s: float = 0.0
    sound_s: float = 0.0
    drawn: bool = False
    heard: bool = False
    voice: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class _Span:
    """What happened between two loads, as shares."""

    judged: int
    in_time: float
    prompt: float
    video: float
    face: float
    sound: float

    @classmethod
    def between(cls, old: Load, new: Load, seconds: float) -> "_Span":
        judged = new.judged - old.judged
        return cls(
            judged,
            (new.in_time - old.in_time) / judged if judged else 1.0,
            (new.prompt - old.prompt) / judged if judged else 1.0,
            (new.video_s - old.video_s) / seconds,
            (new.face_s - old.face_s) / seconds,
            (new.sound_s - old.sound_s) / seconds,
        )


class Ladder:
    """Goes a rung down where the machine fails for ten seconds, and climbs back where there is room.

    A rung that would save nothing here (a preview nobody sees, sound that is not there) is stepped over. Where no
    pictures come nothing is judged: that is a fault of a source. Short memory takes the first rung, which is all that
    helps against it, and holds it.

    Parameters
    ----------
    keep_picture : the picture never rests, as where a face is looked for all the time

    Attributes
    ----------
    rung : the one in force
    rests : which modality rests on the last rung
    """

    def __init__(self, *, keep_picture: bool = False) -> None:
        self.rung = FULL
        self.rests: Literal["sound", "picture"] = "sound"
        self._keep_picture = keep_picture
        self._loads: deque[tuple[float, Load]] = deque()
        self._since: float | None = None
        self._climbed: float | None = None
        self._fell: float | None = None
        self._short_since: float | None = None
        self._wait_s = FIRST_CLIMB_S

    @property
    def name(self) -> str:
        """The rung in plain words."""
        return NAMES[self.rung] if self.rung < ONE else "picture only" if self.rests == "sound" else "sound only"

    def forget(self) -> None:
        """Judge from here on only: what was before had another reason."""
        self._loads.clear()

    def judge(self, now: float, load: Load) -> bool:
        """Take in how the machine does, a few times a second; gives whether the rung, or what rests, has changed."""
        self._since = now if self._since is None else self._since
        self._loads.append((now, load))
        # One that is a whole span old is kept, and no other.
        while len(self._loads) > 1 and self._loads[1][0] <= now - SPAN_S:
            self._loads.popleft()
        if not load.short:
            self._short_since = None
        elif self._short_since is None:
            self._short_since = now
        if self._short_since is not None and now - self._short_since >= SPAN_S and self.rung == FULL:
            return self._go(PREVIEW, now)
        began, first = self._loads[0]
        if now - began < SPAN_S:
            return False
        span = _Span.between(first, load, now - began)
        if self.rung == ONE and self._gives_nothing(span, load):
            self.rests = "picture" if self.rests == "sound" else "sound"
            self._loads.clear()
            return True
        if span.judged >= _LEAST and span.in_time < _BEHIND:
            down = next((rung for rung in range(self.rung + 1, ONE + 1) if _saves(rung, load)), None)
            if down is None:
                return False
            if down == ONE:
                costly = load.voice and span.video > span.sound
                self.rests = "picture" if costly and not self._keep_picture else "sound"
            return self._go(down, now)
        climbing = self._climbed is not None and self._climbed == self._since
        if self.rung > FULL and now - self._since >= self._wait_s / (2 if climbing else 1):
            up = next(rung for rung in range(self.rung - 1, FULL - 1, -1) if rung == FULL or _saves(rung, load))
            if self._room(span, load, up):
                return self._go(up, now)
        return False

    def _gives_nothing(self, span: _Span, load: Load) -> bool:
        """Whether the one modality that works has lost its source, and the other may have one."""
        if self.rests == "picture":
            return not load.heard
        return load.heard and not span.judged and not self._keep_picture

    def _room(self, span: _Span, load: Load, up: int) -> bool:
        """Whether what was measured on this rung leaves room for the work of a higher one."""
        if load.short and up == FULL:
            return False
        in_time = span.judged >= _LEAST and span.prompt >= _PROMPT
        if self.rung == ONE:
            # Nothing is measured of what rests; the one that works must leave half of its time.
            if self.rests == "picture":
                return span.sound <= 0.5
            # Where no pictures come, and may not be given up for the sound, it need not rest for them either.
            return (in_time and span.video <= 0.5) or (self._keep_picture and not span.judged)
        video, sound = 0.0, 0.0  # of the work that the climb would add to
        if self.rung >= RATE > up:
            video = 2 * span.video
        elif self.rung >= LANDMARKS > up:
            video = span.video + span.face
        if self.rung >= SOUND > up:
            sound = 2 * span.sound
        return in_time and video <= _VIDEO_ROOM and sound <= _SOUND_ROOM

    def _go(self, rung: int, now: float) -> bool:
        if rung < self.rung:
            if self._fell is not None and now - self._fell > max(_CALM_S, 1.5 * self._wait_s):
                self._wait_s = FIRST_CLIMB_S
            self._climbed = now
        else:
            if self._climbed is not None and now - self._climbed <= _SOON_S:
                self._wait_s = min(2 * self._wait_s, LONGEST_CLIMB_S)
            self._fell = now
        self.rung, self._since = rung, now
        self._loads.clear()
        return True


def _saves(rung: int, load: Load) -> bool:
    """Whether a rung spares this machine any work."""
    if rung == PREVIEW:
        return load.drawn or load.short
    return load.heard if rung in (SOUND, ONE) else True
