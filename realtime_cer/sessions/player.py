"""Plays a session: what was decided then, or would be by other settings, with its film where there is one.

Running at the same time, each in its own thread:

- whoever looks asks for snapshots, seeks and changes settings; nothing of that ever waits;
- replay decisions: decides the whole session again whenever the settings change, the newest wish first;
- replay film: decodes pictures a little ahead, see ``Pictures``;
- replay sound: plays the film's sound, see ``Sound``.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from realtime_cer.buffers import HOLDS_STEPS
from realtime_cer.control import Strip
from realtime_cer.errors import Refused
from realtime_cer.records import Decision, Snapshot
from realtime_cer.sessions.pictures import State
from realtime_cer.sessions.seen import people_of, visual_of
from realtime_cer.sessions.shown import Shown
from realtime_cer.sessions.sound import Audible, Sound
from realtime_cer.sessions.timeline import Timeline, Wish, timeline
from realtime_cer.sessions.transport import Transport
from realtime_cer.smoothing import Smoothed, smooth
from realtime_cer.told import Told

_SPAN_S = 60.0
_EARLY_S = 1e-6


class Player:
    """A ``Control`` over a session, as a context manager.

    Parameters
    ----------
    then : the rows as they were decided when it was recorded
    first : what is shown at first
    film : whose times are those of the session, or None
    marks : times that were marked
    tell : told in one line, from any thread, why settings cannot be taken, or the film not be heard
    clock : seconds
    """

    def __init__(
        self,
        then: Sequence[Decision],
        first: Timeline,
        film: Path | None,
        marks: Sequence[float] = (),
        tell: Callable[[Told], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._then, self._line, self._marks, self._tell = tuple(then), first, marks, tell
        self._wish = first.wish
        self._transport = Transport(first.strip.begin, first.strip.end, clock)
        self._shown = Shown(film)
        self._sound = None if film is None else Sound(film, self._transport, tell, clock)
        self._cut: tuple[Timeline, int, int] = (first, 0, 0)
        self._minute: tuple[tuple[Decision, ...], tuple[Smoothed, ...]] = ((), ())
        self._error: Exception | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._decide, name="replay decisions", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._shown.start()
        if self._sound is not None:
            self._sound.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._sound is not None:
            self._sound.close()
        self._thread.join(2.0)
        self._shown.close()

    # What it plays.

    @property
    def strip(self) -> Strip:
        """The whole session for a time bar; another object after every change."""
        return self._line.strip

    @property
    def rows(self) -> tuple[Decision, ...]:
        """The session as it is decided now."""
        return self._line.rows

    @property
    def wish(self) -> Wish:
        """How it is to be decided; ``busy`` until that is done."""
        return self._wish

    @property
    def in_force(self) -> Wish:
        """How it is decided as it is shown."""
        return self._line.wish

    @property
    def busy(self) -> bool:
        """Whether the session is still being decided by the newest settings."""
        return self._line.wish is not self._wish

    def retell(self, wish: Wish) -> None:
        """Decide the session by other settings, in the background; a wish before that is not done yet is dropped."""
        with self._changed:
            self._wish = wish
            self._changed.notify_all()

    def smooth(self, seconds: float) -> None:
        """Show the session smoothed over 0 to 3 seconds."""
        self.retell(replace(self._wish, smoothing_s=seconds))

    # Where it stands.

    @property
    def position(self) -> float:
        """Seconds of the session."""
        return self._transport.position

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself; at the end it stands."""
        return self._transport.playing

    @property
    def speed(self) -> float:
        """How many seconds of the session pass in one."""
        return self._transport.speed

    def play(self, on: bool) -> None:
        """Go on, or stand still."""
        self._transport.play(on)

    def seek(self, t: float) -> None:
        """Go to a time of the session."""
        self._transport.seek(t)

    def run(self, speed: float) -> None:
        """Play at another speed."""
        self._transport.run(speed)

    # As a control.

    def snapshot(self) -> Snapshot:
        """What is said and seen at the present position.

        Raises
        ------
        Exception
            Whatever a thread of it raised.
        """
        if self._error is not None:
            raise self._error
        line, t = self._line, self.position
        place = int(np.searchsorted(line.strip.t, t + _EARLY_S, side="right")) - 1
        first = int(np.searchsorted(line.strip.t, t - _SPAN_S))
        if self._cut != (line, first, place + 1):
            self._cut = line, first, place + 1
            self._minute = line.rows[first : place + 1], line.shown[first : place + 1]
        held = place >= 0 and t - line.rows[place].t < HOLDS_STEPS * line.strip.step
        decision = line.rows[place] if held else None
        frame, fresh = self._shown.picture(t)
        visual = None if decision is None else visual_of(decision)
        people = () if decision is None else people_of(decision)
        engines = {} if decision is None else {name: one for name, one in decision.engine.items() if one}
        return Snapshot(
            t=t,
            frame=frame,
            analysed=self._shown.analysed(decision, frame) if fresh else None,
            visual=visual,
            sound=None,
            decision=decision,
            sources=(),
            engines=engines,
            rate=1 / line.strip.step,
            latency_ms=None,
            decisions=place + 1,
            dropped=0,
            history=self._minute[0],
            people=people,
        )

    def minute(self, snapshot: Snapshot) -> tuple[Smoothed, ...]:
        """What is shown for the rows of a snapshot's history, smoothed over the session and not over the minute."""
        rows, shown = self._minute
        if rows is snapshot.history:
            return shown
        return tuple(smooth(snapshot.history, self._line.wish.smoothing_s))

    @property
    def film(self) -> State:
        """Whether there is a picture at the present position, or why there is none."""
        return self._shown.state(self.position)

    @property
    def sound(self) -> Audible:
        """Whether the film is heard while it plays, or why not."""
        return "none" if self._sound is None else self._sound.state

    @property
    def muted(self) -> bool:
        """Whether nobody wants to hear the film."""
        return self._sound is not None and self._sound.muted

    def mute(self, on: bool) -> None:
        """Play the film silently, or aloud."""
        if self._sound is not None:
            self._sound.mute(on)

    @property
    def paused(self) -> bool:
        """Never: a view of a replay that stands still is not behind anything."""
        return False

    def pause(self, on: bool) -> None:
        """Stand still, or go on."""
        self.play(not on)

    @property
    def ended(self) -> bool:
        """Never: one can always go back."""
        return False

    def choose(self, face_id: int | None) -> None:
        """Nothing: whose row it is was settled then."""

    def calibrate(self, face_id: int) -> None:
        """Nothing: what was seen then is not seen anew."""

    def uncalibrate(self, face_id: int) -> None:
        """Nothing, as ``calibrate``."""

    def drew(self, seconds: float) -> None:
        """Nothing: nobody decides in time here."""

    # Its thread.

    def _decide(self) -> None:
        """The thread that decides again."""
        while True:
            with self._changed:
                while not self.busy and not self._closed:
                    self._changed.wait()
                wish = self._wish
            if self._closed:
                return
            known = self._line.rows if wish.decides_as(self._line.wish) else None
            try:
                done = timeline(self._then, wish, known, partial(self._wanted, wish), self._marks)
            except Refused as refusal:
                self._tell(Told("decided as before: {why}", why=str(refusal)))
                with self._changed:
                    self._wish = self._line.wish if self._wish is wish else self._wish
            except Exception as error:  # a fault of ours: raised where the next snapshot is asked for
                self._error = error
                return
            else:
                self._line = done or self._line

    def _wanted(self, wish: Wish) -> bool:
        """Whether nothing else is wished for by now; lets others have their turn."""
        time.sleep(0)
        return self._wish is wish and not self._closed
