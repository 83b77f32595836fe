"""The films of a recording: one thread, which owns the encoders, and for which nobody waits."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.sinks.behind import stay_behind
from realtime_cer.sinks.inbox import Inbox
from realtime_cer.sinks.livefilm import LiveFilm
from realtime_cer.sinks.session import CLEAN, DRAWN

Item = Frame | AudioBlock | Decision
Filming = Literal["clean", "overlay", "both", "avatar"]

KINDS: dict[type[Item], str] = {Frame: "pictures", AudioBlock: "sound", Decision: "decisions"}
"""What is left out, in words."""

_MOST: dict[type[Item], int] = {Frame: 20, AudioBlock: 300, Decision: 3000}
"""How many of each may wait: few pictures, which are large, long stretches of the others."""

_PATIENCE_S: dict[type[Item], float] = {Frame: 0.6}
"""What waits is lost with the program, and with little time for the encoders few pictures are seconds of film."""


class Films:
    """Writes what is put in into every film, from ``begin`` to ``end``.

    Parameters
    ----------
    folder : of the session
    filming : which films; an avatar's is silent
    sound, pictures : whether there will be any
    lose : told what was left out, and how many
    fail : told of a fault; gives whether it is one of the disk or the encoder, which lasts

    Attributes
    ----------
    names : of the files, each made with its first picture, or with sound where no pictures come
    """

    def __init__(
        self,
        folder: Path,
        filming: Filming,
        *,
        sound: bool,
        pictures: bool,
        lose: Callable[[str, int], None],
        fail: Callable[[Exception], bool],
    ) -> None:
        self._folder, self._lose, self._fail = folder, lose, fail
        self._sound, self._with_pictures = sound and filming != "avatar", pictures
        self.names: tuple[str, ...] = (CLEAN,) if self._sound else ()
        if pictures:
            self.names = {"both": (CLEAN, DRAWN), "clean": (CLEAN,)}.get(filming, (DRAWN,))
        self._films: list[LiveFilm] = []
        self._origin = 0.0
        self._done = 0
        self._inbox: Inbox[Item] = Inbox(_MOST, _PATIENCE_S, lambda item: lose(KINDS[type(item)], 1))
        self._thread = threading.Thread(target=self._run, name="recorder film", daemon=True)

    @property
    def pictures(self) -> int:
        """How many the longest of them holds."""
        return max((film.pictures for film in self._films), default=0)

    @property
    def moved(self) -> int:
        """A number that changes with every picture that is written, and with every film that is finished."""
        return self._done + sum(film.pictures + film.refused for film in self._films)

    def begin(self, origin: float, started: datetime) -> None:
        """Write from now on; ``origin`` becomes 0 in the films, ``started`` is the wall clock then."""
        self._origin = origin
        self._films = [
            LiveFilm(
                self._folder / name,
                sound=self._sound,
                pictures=self._with_pictures,
                drawn=name == DRAWN,
                started=started,
            )
            for name in self.names
        ]
        self._thread.start()

    def put(self, item: Item) -> None:
        """Leave one item, from any thread, at once; what cannot be taken is told, but for decisions: rows have them."""
        if self.names and not self._inbox.put(item) and not isinstance(item, Decision):
            self._lose(KINDS[type(item)], 1)

    def end(self) -> None:
        """Write what waits, and finish the films, however long that takes."""
        self._inbox.end()
        self._thread.join()

    def _run(self) -> None:
        stay_behind()
        filming = list(self._films)
        while (item := self._inbox.take()) is not None:
            self._done += 1
            item = replace(item, t=item.t - self._origin)
            if not filming and not isinstance(item, Decision):
                self._lose(KINDS[type(item)], 1)  # no film goes on
            filming = [film for film in filming if self._give(film, item)]
        for film in filming:
            while not self._try(film.finish):
                self._lose(self._pictures_of(film), 1)
        for film in self._films:
            self._try(film.close)

    def _give(self, film: LiveFilm, item: Item) -> bool:
        """Let a film have something; False where it can take nothing any more."""
        refused = film.refused
        try:
            if isinstance(item, Frame):
                film.frame(item)
            elif isinstance(item, AudioBlock):
                film.block(item)
            else:
                film.decision(item)
        except Exception as error:  # one damaged picture is left out, a disk that fails ends the film
            self._lose(self._pictures_of(film), 1)
            return not self._fail(error)
        self._lose(self._pictures_of(film), film.refused - refused)
        return True

    def _pictures_of(self, film: LiveFilm) -> str:
        return "pictures" if film is self._films[0] else "drawn pictures"

    def _try(self, work: Callable[[], None]) -> bool:
        """Do something that may fail."""
        try:
            work()
        except Exception as error:
            self._fail(error)
            return False
        finally:
            self._done += 1
        return True
