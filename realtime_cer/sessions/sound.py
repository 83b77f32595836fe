"""The sound of a session's film, in step with whoever plays it: one thread, which owns decoder and loudspeaker.

Where the session stands is never waited for and never held up: of every sample that is wanted, it is worked out where
the session will be when that is heard. So sound comes in a moment after its picture, and is then where it belongs.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer

from realtime_cer.capture.decoding import choose, open_container, prepare
from realtime_cer.capture.playout import Playout
from realtime_cer.capture.portaudio import Unavailable
from realtime_cer.errors import Refused
from realtime_cer.records import Floats
from realtime_cer.sessions.soundahead import AHEAD_S, Pace, SoundAhead
from realtime_cer.sessions.soundtrack import soundtrack
from realtime_cer.sessions.transport import Course, Transport
from realtime_cer.told import Told

Audible = Literal["heard", "muted", "speed", "none", "damaged", "absent", "stalled"]
"""It is heard while the session plays; or why not: nobody wants it, it is played faster or slower than it was, the film
has none or none that can be read, there is no loudspeaker, or that does not play."""

_NAP_S = 0.03
_AGAIN_S = 5.0
"""A loudspeaker that is not there is looked for again after so long, or when the session is played from elsewhere."""

_IDLE_S = 2.0
"""A session that stands so long gives the loudspeaker back: not every one can be shared."""


class Sound:
    """Plays a film's sound from ``start`` to ``close``, whenever ``transport`` goes on at its own speed.

    The loudspeaker is opened when it is needed for the first time.

    Parameters
    ----------
    path : of a film whose times are those of its session
    transport : where the session stands
    tell : told in one line, from the thread, why nothing is heard
    clock : the one of ``transport``
    """

    def __init__(
        self,
        path: Path,
        transport: Transport,
        tell: Callable[[Told], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._transport, self._tell, self._clock = path, transport, tell, clock
        self._muted = self._closed = self._absent = False
        self._film: Audible = "heard"
        self._told = ""
        self._error: Exception | None = None
        self._playout = Playout(clock)
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay sound", daemon=True)

    def start(self) -> None:
        """Begin to look at the film."""
        self._thread.start()

    def close(self, timeout_s: float = 2.0) -> bool:
        """Let go of film and loudspeaker; False if one of them hangs and was left alone."""
        self._closed = True
        self._woken.set()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def muted(self) -> bool:
        """Whether nobody wants to hear it."""
        return self._muted

    def mute(self, on: bool) -> None:
        """Hear nothing, at once; or hear it again."""
        self._muted = on
        self._woken.set()

    @property
    def state(self) -> Audible:
        """Whether it is heard while the session plays, or why not.

        Raises
        ------
        Exception
            Whatever the thread raised.
        """
        if self._error is not None:
            raise self._error
        if self._film != "heard":
            return self._film
        if self._muted:
            return "muted"
        if self._transport.speed != 1:
            return "speed"
        if self._playout.stalled:
            return "stalled"
        return "absent" if self._absent else "heard"

    @property
    def _wanted(self) -> Course | None:
        """The course whose sound is to be heard now, if any."""
        course = None if self._muted or self._closed else self._transport.course
        return course if course is not None and course.speed == 1 else None

    def _run(self) -> None:
        try:
            with closing(open_container(self._path)) as container:
                stream = choose(list(container.streams.audio))
                if not isinstance(stream, AudioStream):
                    self._film = "none"
                    return
                prepare(stream)
                self._follow(container, stream)
        except (Refused, OSError, ValueError, av.error.FFmpegError):
            self._film = "damaged"
        except Exception as error:  # a fault of ours: raised where somebody asks for the state
            self._error = error

    def _follow(self, container: InputContainer, stream: AudioStream) -> None:
        """Play one course after the other."""
        stood = self._clock()
        with closing(self._playout) as playout:
            while not self._closed:
                course = self._wanted
                if course is not None:
                    self._play(container, stream, course)
                    stood = self._clock()
                elif playout.opened and self._clock() - stood > _IDLE_S:
                    playout.close()
                self._nap()

    def _play(self, container: InputContainer, stream: AudioStream, course: Course) -> None:
        """Play a course until it is over, or wait where there is nothing to play it with."""
        playout = self._playout
        try:
            if not playout.opened:
                playout.open(again=self._absent)
            ahead, pace = SoundAhead(playout.rate, playout.channels), Pace(playout.rate)

            def give(heard: float, count: int) -> Floats | None:
                if self._wanted is not course:
                    return None
                places, loud = pace.places(course.at(heard) * ahead.rate, count)
                loud *= places < course.end * ahead.rate
                return ahead.read(places) * loud[:, None]

            playout.begin(give)
            self._absent, self._told = False, ""
        except (Unavailable, Refused) as problem:
            playout.close()
            self._lack(str(problem))
            self._wait_while(course, self._clock() + _AGAIN_S)
            return
        begin = course.at(self._clock())
        for place, samples in soundtrack(container, stream, begin, ahead.rate, ahead.channels):
            if not self._make_room(course, place + len(samples), ahead.rate):
                break
            ahead.put(place, samples)
        while self._goes_on(course):
            self._nap()
        lost = playout.lost and self._wanted is course
        playout.stop()
        if lost:
            playout.close()
            self._lack("the loudspeaker is gone")

    def _lack(self, line: str) -> None:
        """There is no loudspeaker: told once for each reason."""
        self._absent = True
        if line != self._told:
            self._told = line
            self._tell(Told("going on without sound: {why}", why=line))

    def _goes_on(self, course: Course) -> bool:
        return self._wanted is course and not self._playout.lost

    def _make_room(self, course: Course, place: int, rate: int) -> bool:
        """Wait until sound up to a place may be put; False where the course is over."""
        while self._goes_on(course):
            if place / rate < course.at(self._clock()) + AHEAD_S:
                return True
            self._nap()
        return False

    def _wait_while(self, course: Course, until: float) -> None:
        while self._wanted is course and self._clock() < until:
            self._nap()

    def _nap(self) -> None:
        self._woken.wait(_NAP_S)
        self._woken.clear()
