"""What each key and button of the window does."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from PyQt6.QtCore import Qt

from realtime_cer.ui import controls_actions as hand
from realtime_cer.ui.controls import LISTS
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.text import following
from realtime_cer.ui.theme import DARK, LIGHT

if TYPE_CHECKING:
    from realtime_cer.ui.window import Window


def _pause(window: "Window") -> None:
    window.control.pause(not window.control.paused)
    window.draw(window.control.snapshot())


def _mirror(window: "Window") -> None:
    window.mirror = not window.picture.mirrored
    if window.desk is not None:
        window.desk.remember(mirror=window.mirror)
    window.draw(window.control.snapshot())


def _theme(window: "Window") -> None:
    window.theme = LIGHT if window.theme is DARK else DARK
    if window.desk is not None:
        window.desk.remember(theme=window.theme.name)
    window.dress()
    hand.refresh(window)


def _language(window: "Window") -> None:
    window.text = following(window.text)
    if window.desk is not None:
        window.desk.remember(language=window.text.language)
    window.dress()
    window.turned()


def _full_screen(window: "Window") -> None:
    window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)


def _list(window: "Window", what: str) -> None:
    hand.press(window, what)


# Functions of a window: methods held by it would make a circle, and it would go whenever the collector comes by.
ACTIONS: Final[Mapping[str, Callable[["Window"], object]]] = {
    "pause": _pause,
    "full_screen": _full_screen,
    "back": lambda window: window.back(),
    "details": lambda window: window.turn(window.details),
    "meters": lambda window: window.turn(window.meters),
    "landmarks": partial(hand.switch, name="landmarks"),
    "crop": partial(hand.switch, name="crop"),
    "picture": hand.next_picture,
    "mirror": _mirror,
    "theme": _theme,
    "language": _language,
    "smoother": lambda window: hand.step(window, +1),
    "rougher": lambda window: hand.step(window, -1),
    **{what: partial(_list, what=what) for what in LISTS},
    "choose_none": lambda window: window.control.choose(None),
    "calibrate": hand.calibrate,
    "controls": hand.turn_bar,
    "mute": hand.mute,
    "record": hand.record,
    "moment": hand.keep_moment,
    "mark": hand.mark,
    "snapshot": hand.keep,
    "keys": lambda window: window.turn(window.keys),
    "quit": lambda window: window.close(),
}

BY_KEY: Final[Mapping[int, str]] = {int(key): one.action for one in BINDINGS for key in one.keys}
