"""The pictures of a session's film as they are shown: at once, and each with the face that was seen in it. No threads
of its own."""

from dataclasses import replace
from pathlib import Path

from realtime_cer.records import Decision, Frame
from realtime_cer.sessions.pictures import Pictures, State
from realtime_cer.sinks.session import CLEAN

_RESTAMP_S = 0.5


class Shown:
    """What is to be seen of a film, or of none, from ``start`` to ``close``.

    Parameters
    ----------
    film : whose times are those of the session, or None
    """

    def __init__(self, film: Path | None) -> None:
        self._pictures = None if film is None else Pictures(film)
        self._clean = film is not None and film.name == CLEAN  # others have what was recognised in the picture
        self._given: Frame | None = None
        self._seen: tuple[Decision | None, Frame | None] = (None, None)

    def start(self) -> None:
        """Begin to decode."""
        if self._pictures is not None:
            self._pictures.start()

    def close(self) -> None:
        """Let go of the film."""
        if self._pictures is not None:
            self._pictures.close()

    def state(self, t: float) -> State:
        """Whether there is a picture at ``t``, or why there is none."""
        return "none" if self._pictures is None else self._pictures.state(t)

    def picture(self, t: float) -> tuple[Frame | None, bool]:
        """The picture to show, and whether it is of this time."""
        if self._pictures is None or self._pictures.state(t) != "there":
            return None, False
        frame, sought = self._pictures.at(t)
        if frame is None or not sought:
            self._given = None
            return frame, True
        # For a moment, until it is found: the newest there is, which is not told to be old.
        given = self._given
        if given is None or given.picture is not frame.picture or abs(t - given.t) > _RESTAMP_S:
            self._given = replace(frame, t=t)
        return self._given, False

    def analysed(self, decision: Decision | None, frame: Frame | None) -> Frame | None:
        """The picture that a row's face is in: the one that is shown when the row comes."""
        if frame is None or decision is None or not self._clean:
            return None
        if self._seen[0] is not decision or self._seen[1] is None:
            self._seen = decision, replace(frame, t=decision.t)
        return self._seen[1]
