"""What the controls do to a window: the bar comes and goes, lists are opened and chosen from, all by key, too.

Functions of a window: methods held by its parts would make a circle, and it would go whenever the collector comes by.
"""

import time
from typing import TYPE_CHECKING, Final

from PyQt6.QtCore import QBuffer, QIODevice, Qt

from realtime_cer.control import Choice
from realtime_cer.records import Person
from realtime_cer.smoothing import LONGEST_S
from realtime_cer.ui import words

if TYPE_CHECKING:
    from realtime_cer.ui.window import Window

STEPS_S: Final = (0.0, 0.3, 0.6, 1.0, 2.0, LONGEST_S)
"""What the keys for smoothing step through."""

IDLE_S: Final = 4.0
"""The bar goes so long after the last movement."""

TOLD_S: Final = 6.0
"""A line for the user stays so long."""

_FIRST, _LAST = int(Qt.Key.Key_1), int(Qt.Key.Key_9)
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


def wake(window: "Window") -> None:
    """Show the bar for a while."""
    window.woken = time.monotonic()
    if window.desk is not None and not window.controls.isVisibleTo(window):
        refresh(window)
        window.controls.show()
        window.controls.raise_()


def rest(window: "Window") -> None:
    """Hide the bar and its list."""
    window.woken = float("-inf")
    close_list(window)
    window.controls.hide()


def refresh(window: "Window") -> None:
    """Show how everything is set, and hide the bar when nobody has moved for a while."""
    desk, text = window.desk, window.text
    if desk is None:
        return
    state, now = desk.state, time.monotonic()
    if state.told[0] != window.told[0]:
        window.told, window.told_at = state.told, now
    told = words.told(text, window.told[1]) if now - window.told_at < TOLD_S else ""
    window.heading.set_told(told, state.recording)
    seconds = window.presenter.seconds
    person = target(window)
    window.controls.set_values(
        {
            **{what: _named(window, what) for what in ("camera", "microphone", "rule", "weights")},
            "smoothing": f"{words.number(text, seconds, 1)} s" if seconds else text.off,
            "mute": text.muted if state.muted else text.on,
            "record": text.on if state.recording else text.off,
            "moment": text.held if state.holding else text.off,
            "mark": text.place,
            "picture": text.pictures[_picture(window)],
            "snapshot": text.take,
            "keys": text.show,
            "language": text.language_name,
            "theme": text.dark if window.theme.name == "dark" else text.light,
            "full_screen": text.on if window.isFullScreen() else text.off,
            "calibrate": (words.baseline(text, person) if person else "") or text.off,
        },
        frozenset(name for name, on in (("record", state.recording), ("moment", state.holding)) if on),
    )
    if window.choices.isVisibleTo(window):
        _offer(window)
    elif window.controls.isVisibleTo(window) and now - window.woken > IDLE_S:
        rest(window)


def _named(window: "Window", what: str) -> str:
    """The words for what is in force."""
    assert window.desk is not None
    value = window.desk.state.chosen.get(what, "")
    return next((one.name for one in window.desk.choices(what) if one.value == value), value) or words.DASH


def press(window: "Window", what: str) -> None:
    """Open a list, or close it where it is open."""
    if window.desk is None:
        return
    if window.choices.what == what and window.choices.isVisibleTo(window):
        close_list(window)
        return
    wake(window)
    window.desk.find(what)
    window.choices.open(what, _choices(window, what), _chosen(window, what))
    _offer(window)
    window.choices.show()
    window.choices.raise_()


def close_list(window: "Window") -> None:
    """Close the list, choosing nothing."""
    window.choices.what = ""
    window.choices.hide()
    window.woken = time.monotonic()


def _choices(window: "Window", what: str) -> tuple[Choice, ...]:
    if what == "smoothing":
        text = window.text
        return tuple(Choice(f"{s:g}", f"{words.number(text, s, 1)} s" if s else text.no_smoothing) for s in STEPS_S)
    return window.desk.choices(what) if window.desk is not None else ()


def _chosen(window: "Window", what: str) -> str:
    if what == "smoothing" or window.desk is None:
        return f"{window.presenter.seconds:g}"
    return window.desk.state.chosen.get(what, "")


def _offer(window: "Window") -> None:
    """Follow what there is to choose from: devices take a moment to be found."""
    what = window.choices.what
    looking = window.desk is not None and what in window.desk.state.looking
    empty = window.text.looking if looking else window.text.nothing_found
    window.choices.offer(_choices(window, what), _chosen(window, what), empty)
    window.choices.setGeometry(window.choices.place(window.controls.geometry(), window.width()))


def take(window: "Window", row: int) -> None:
    """Choose a row of the open list, and close it."""
    what, choices = window.choices.what, window.choices.choices
    close_list(window)
    if window.desk is None or not 0 <= row < len(choices):
        return
    if what == "smoothing":
        smooth(window, float(choices[row].value))
    elif choices[row].value != window.desk.state.chosen.get(what):
        window.desk.choose(what, choices[row].value)
    refresh(window)


def list_key(window: "Window", key: int) -> bool:
    """Let a key work in the open list; gives whether it did."""
    if not window.choices.isVisibleTo(window):
        return False
    if _FIRST <= key <= _LAST:
        take(window, window.choices.first + key - _FIRST)
    elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
        window.choices.shift(-1 if key == Qt.Key.Key_Up else 1)
    elif key in _ENTER:
        take(window, window.choices.mark)
    elif key == Qt.Key.Key_Escape:
        close_list(window)
    else:
        return False
    return True


def turn_bar(window: "Window") -> None:
    """Show the bar, or hide it."""
    if window.controls.isVisibleTo(window):
        rest(window)
    else:
        wake(window)


_PICTURES: Final = {"plain": (False, False), "landmarks": (True, False), "crop": (False, True), "both": (True, True)}


def _picture(window: "Window") -> str:
    """What is shown over the picture."""
    now = (window.picture.landmarks, window.picture.crop)
    return next(name for name, both in _PICTURES.items() if both == now)


def switch(window: "Window", name: str) -> None:
    """Turn one of the picture's switches, ``landmarks`` or ``crop``."""
    setattr(window.picture, name, not getattr(window.picture, name))
    window.turned()


def next_picture(window: "Window") -> None:
    """Show landmarks, the crop, both, or the plain picture: the next of these."""
    names = list(_PICTURES)
    name = names[(names.index(_picture(window)) + 1) % len(names)]
    window.picture.landmarks, window.picture.crop = _PICTURES[name]
    window.turned()


def mute(window: "Window") -> None:
    """Leave the sound out, or take it in again."""
    if window.desk is not None:
        window.desk.mute(not window.desk.state.muted)
        window.draw(window.control.snapshot())


def record(window: "Window") -> None:
    """Begin a recording, or end it."""
    if window.desk is not None:
        window.desk.record(not window.desk.state.recording)
        refresh(window)


def keep_moment(window: "Window") -> None:
    """Keep the last half minute, or begin to hold it."""
    if window.desk is not None:
        window.desk.keep_moment()
        refresh(window)


def mark(window: "Window") -> None:
    """Mark this moment of the recording."""
    if window.desk is not None:
        window.desk.mark()
        refresh(window)


def keep(window: "Window") -> None:
    """Keep a picture of the window, without the controls over it."""
    if window.desk is None:
        return
    rest(window)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")
    window.desk.keep(buffer.data().data())
    refresh(window)


def smooth(window: "Window", seconds: float) -> None:
    """Smooth by so much, and remember it."""
    window.presenter.smooth(seconds)
    if window.desk is not None:
        window.desk.remember(smoothing_s=seconds)
    window.draw(window.control.snapshot())


def step(window: "Window", direction: int) -> None:
    """Smooth more or less."""
    seconds = window.presenter.seconds
    others = [one for one in STEPS_S if (one > seconds if direction > 0 else one < seconds)]
    if others:
        smooth(window, others[0] if direction > 0 else others[-1])


# Faces.


def target(window: "Window") -> Person | None:
    """The face that counts, while it is in view."""
    snapshot = window.control.snapshot()
    face = snapshot.visual.face if snapshot.visual else None
    return next((one for one in snapshot.people if face is not None and one.id == face.id), None)


def choose_number(window: "Window", number: int) -> None:
    """Make the n-th face the target, from 0, as the cards are numbered."""
    people = sorted(one.id for one in window.control.snapshot().people)
    if number < len(people):
        window.control.choose(people[number])


def calibrate(window: "Window") -> None:
    """Learn the target's neutral, break that off, or undo it."""
    person = target(window)
    if person is None:
        return
    if person.calibrated or person.calibrating is not None:
        window.control.uncalibrate(person.id)
    else:
        window.control.calibrate(person.id)
