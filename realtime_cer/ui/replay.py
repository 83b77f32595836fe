"""The window over a session that is played: the one of live, with a time bar, and what a replay can be asked for."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent

from realtime_cer.control import Desk
from realtime_cer.records import Snapshot
from realtime_cer.ui import controls_actions as hand
from realtime_cer.ui.actions import BY_KEY
from realtime_cer.ui.controls import BUTTONS
from realtime_cer.ui.keys import BINDINGS, Binding
from realtime_cer.ui.moment import Looks, Moment, Presenter, Without
from realtime_cer.ui.playback import Playback
from realtime_cer.ui.replaybar import ReplayBar
from realtime_cer.ui.text import CATALOGUES, Text
from realtime_cer.ui.window import Window

Key = Qt.Key

SPEEDS: Final = (0.5, 1.0, 2.0, 4.0)

OWN: Final = (
    Binding("play", (Key.Key_Space,), "␣"),
    Binding("second", (Key.Key_Left, Key.Key_Right), "← →"),
    Binding("ten_seconds", (Key.Key_Left, Key.Key_Right), "⇧←→"),
    Binding("ends", (Key.Key_Home, Key.Key_End), "⇱ ⇲"),
    Binding("marks", (Key.Key_BracketLeft, Key.Key_BracketRight), "[ ]"),
    Binding("speed", (Key.Key_Less, Key.Key_Greater), "< >"),
    Binding("sound", (Key.Key_U,), "U"),
    Binding("compare", (Key.Key_C,), "C"),
    Binding("difference", (Key.Key_N,), "N"),
)
"""What only a replay has."""

_KEPT = frozenset(
    (
        *("full_screen", "back", "details", "mirror", "theme", "language", "smoother", "rougher"),
        *("controls", "rule", "weights", "snapshot", "keys", "quit"),
    )
)
"""What it has in common with live: nothing is captured here, nobody is chosen, and no time is lost."""

_OFFERED = frozenset(("rule", "weights", "smoothing", "snapshot", "theme", "language", "full_screen", "keys"))

_EARLY_S = 1e-3


class _Presenter(Presenter):
    """Shows rows smoothed over the whole session, so that they do not depend on where one comes from."""

    def __init__(self, player: Playback, seconds: float, without: Without | None) -> None:
        super().__init__(seconds, without)
        self._player = player

    def smooth(self, seconds: float) -> None:
        super().smooth(seconds)
        self._player.smooth(seconds)

    def moment(self, snapshot: Snapshot) -> Moment:
        return replace(super().moment(snapshot), minute=self._player.minute(snapshot))


class ReplayWindow(Window):
    """The window over a session; ``OWN`` lists the keys that it has beside those of live.

    Parameters
    ----------
    player : what is shown and steered
    title, rule, weights : shown in the first line
    looks : as of ``Window``
    desk : does what the controls ask for
    compared : show what was said then beside it from the start
    """

    def __init__(
        self,
        player: Playback,
        title: str,
        rule: str,
        weights: str,
        looks: Looks,
        desk: Desk | None = None,
        *,
        compared: bool = False,
    ) -> None:
        self.player = player
        super().__init__(player, title, rule, weights, looks, desk)
        self.presenter = _Presenter(player, looks.smoothing_s, looks.without)
        self.bar = ReplayBar(self, player.strip)
        self.bar.compare(compared)
        self.bar.sought.connect(player.seek)
        self.bar.pressed.connect(self._press_bar)
        self.panels["bar"] = self.bar
        self.keys.bindings = (*OWN, *(one for one in BINDINGS if one.action in _KEPT))
        self.controls.buttons = self.choices.buttons = tuple(one for one in BUTTONS if one in _OFFERED)
        for panel in (self.controls, self.choices, self.keys):
            panel.raise_()
        self._film = player.film
        self.dress()

    def dress(self) -> None:
        """Put on the theme and the language, with the words that a replay has for what is missing."""
        self.text = _words(CATALOGUES[self.text.language], self.player.film)
        super().dress()

    def look(self) -> None:
        """Show what is new, and where it stands."""
        if self.player.film != self._film:
            self._film = self.player.film
            self.dress()
        super().look()
        self.follow()

    def follow(self) -> None:
        """Show on the bar where it stands."""
        player = self.player
        self.bar.follow(
            player.strip,
            player.position,
            playing=player.playing,
            speed=player.speed,
            busy=player.busy,
            sound=player.sound,
        )

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Do what the table of keys says; an open list has them first, and the list of keys."""
        if event is None or hand.list_key(self, event.key()):
            return
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not self.keys.isVisibleTo(self):
            move = _MOVES.get((key, shift)) or _ANYHOW.get(key)
            if move is not None:
                move(self)
                self.follow()
                return
            if BY_KEY.get(key) not in _KEPT:
                event.ignore()
                return
        super().keyPressEvent(event)

    def _press_bar(self, name: str) -> None:
        if name == "play":
            _play(self)
        elif name == "sound":
            _mute(self)
        else:
            _pace(self, +1, around=True)
        self.follow()


# Functions of a window: methods held by it would make a circle.


def _play(window: ReplayWindow) -> None:
    window.player.play(not window.player.playing)


def _mute(window: ReplayWindow) -> None:
    window.player.mute(not window.player.muted)


def _by(window: ReplayWindow, seconds: float) -> None:
    window.player.seek(window.player.position + seconds)


def _begin(window: ReplayWindow) -> None:
    window.player.seek(window.player.strip.begin)


def _end(window: ReplayWindow) -> None:
    window.player.seek(window.player.strip.end)


def _pace(window: ReplayWindow, step: int, *, around: bool = False) -> None:
    place = SPEEDS.index(window.player.speed) + step
    window.player.run(SPEEDS[place % len(SPEEDS) if around else min(max(place, 0), len(SPEEDS) - 1)])


def _jump(window: ReplayWindow, times: tuple[float, ...], direction: int) -> None:
    """Go to the next of some times, or the one before; stay where there is none."""
    at = window.player.position
    place = bisect_right(times, at + _EARLY_S) if direction > 0 else bisect_left(times, at - _EARLY_S) - 1
    if 0 <= place < len(times):
        window.player.seek(times[place])


def _mark(window: ReplayWindow, direction: int) -> None:
    _jump(window, window.player.strip.marks, direction)


def _difference(window: ReplayWindow, direction: int) -> None:
    """Go to where the next stretch begins in which something else is said than then."""
    window.bar.compare(True)
    strip = window.player.strip
    first = strip.differ & ~np.append(False, strip.differ[:-1])
    _jump(window, tuple(strip.t[first].tolist()), direction)


def _compare(window: ReplayWindow) -> None:
    window.bar.compare(not window.bar.compared)


_Move = Callable[[ReplayWindow], None]

_MOVES: Final[Mapping[tuple[int, bool], _Move]] = {
    (Key.Key_Left, False): partial(_by, seconds=-1.0),
    (Key.Key_Right, False): partial(_by, seconds=1.0),
    (Key.Key_Left, True): partial(_by, seconds=-10.0),
    (Key.Key_Right, True): partial(_by, seconds=10.0),
    (Key.Key_N, False): partial(_difference, direction=1),
    (Key.Key_N, True): partial(_difference, direction=-1),
}

_ANYHOW: Final[Mapping[int, _Move]] = {
    Key.Key_Space: _play,
    Key.Key_Home: _begin,
    Key.Key_End: _end,
    Key.Key_BracketLeft: partial(_mark, direction=-1),
    Key.Key_BracketRight: partial(_mark, direction=1),
    Key.Key_Less: partial(_pace, step=-1),
    Key.Key_Greater: partial(_pace, step=1),
    Key.Key_U: _mute,
    Key.Key_C: _compare,
}
"""Keys that mean the same with and without ⇧, which some keyboards need for them."""


def _words(text: Text, film: str) -> Text:
    """A catalogue in which what a row does not tell is not put down to a camera or a microphone."""
    own = text.replay
    missing = {"none": own.no_film, "over": own.film_over, "damaged": own.film_damaged}.get(film, own.no_picture)
    return replace(
        text,
        keys={**text.keys, **own.keys},
        no_camera=missing,
        no_microphone=own.not_there,
        no_sound=own.not_there,
        no_picture=own.not_there,
        too_late=own.not_there,
        starting=own.nothing,
        first_decision=own.no_row,
        loading=own.no_row,
    )
