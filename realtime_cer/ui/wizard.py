"""The first start: pick a camera and a microphone, and see and hear that they work. No threads, no device."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from PyQt6.QtCore import QEvent, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.records import Snapshot
from realtime_cer.ui.kiosk.posing import StripView
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.picture import PictureView, is_mirror
from realtime_cer.ui.places import aspect_of, opening_size, unit_of
from realtime_cer.ui.text import text_of
from realtime_cer.ui.theme import THEMES, write
from realtime_cer.ui.wizardpanels import ChoiceView, Ear, Kind, MeterView

KINDS: Final[tuple[Kind, Kind]] = ("camera", "microphone")

_LOOK_MS = 33


class Rehearsal(Protocol):
    """Devices as they are tried out; every call returns at once."""

    @property
    def found(self) -> dict[Kind, Sequence[str]] | None:
        """The names of what is there, the default first; None while it is searched for."""

    def search(self) -> None:
        """Search anew."""

    def pick(self, kind: Kind, name: str | None) -> None:
        """Open this device and leave the one before; None for none."""

    def snapshot(self) -> Snapshot:
        """The newest picture, level and states."""


class Wizard(QWidget):
    """Lists of cameras and microphones beside the picture and the meter of those that are picked.

    Parameters
    ----------
    rehearsal : tries the devices out
    looks : theme and language

    Attributes
    ----------
    answer : names of camera and microphone, None for going on without one; None where it was left without an answer
    """

    closed = pyqtSignal()

    def __init__(self, rehearsal: Rehearsal, looks: Looks, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.answer: tuple[str | None, str | None] | None = None
        self.rehearsal, self._clock = rehearsal, clock
        self.theme, self.text = THEMES[looks.theme], text_of(looks.language)
        text = self.text.wizard
        self.setWindowTitle(f"realtime-cer · {text.title}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.picture, self.meter, self.strip = PictureView(self, None), MeterView(self), StripView(self)
        self.choices: dict[Kind, ChoiceView] = {kind: ChoiceView(self, kind, self._pick) for kind in KINDS}
        self.strip.set_keys((text.enter, text.start), ("↑↓⇥", text.choose), ("R", text.again), ("Esc", text.skip))
        for panel in (self.picture, self.meter, self.strip, *self.choices.values()):
            panel.dress(self.theme, self.text)
        self._found: dict[Kind, Sequence[str]] | None = None
        self._ear = Ear()
        self._refused = False
        self._aspect = 16 / 9
        self._focus("camera")
        self.resize(opening_size(self.screen()))
        rehearsal.search()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(_LOOK_MS)

    # What happens.

    def look(self) -> None:
        """Take in what was found, seen and heard."""
        found = self.rehearsal.found
        if found is not None and found is not self._found:
            self._found = found
            for kind, view in self.choices.items():
                kept = view.rows[view.chosen] if view.names else None
                view.names = tuple(found[kind])
                self._pick(kind, view.names.index(kept) if kept in view.names else 0)
            self._focus("camera")
        snapshot = self.rehearsal.snapshot()
        if snapshot.frame is not None and (aspect := aspect_of(snapshot.frame.picture)) != self._aspect:
            self._aspect = aspect
            self._place()
        self.picture.mirrored = is_mirror(snapshot)
        self.picture.show_picture(snapshot, None, paused=False)
        if snapshot.sound is not None:
            self._ear.feed(snapshot.sound.t, snapshot.sound.level_db)
        level = None if snapshot.sound is None else snapshot.sound.level_db
        told, good = self._told(level)
        self.meter.show_level(level, told, good=good)

    def _told(self, level: float | None) -> tuple[str, bool]:
        """What stands over the meter, and whether all is well."""
        text, view = self.text.wizard, self.choices["microphone"]
        if self._refused:
            return text.nothing, False
        if self._found is not None and not view.names:
            return text.no_microphones, False
        if view.chosen == len(view.names):
            return "", False
        if level is None:
            return (text.opening.format(name=view.rows[view.chosen]) if view.names else ""), False
        return (text.heard, True) if self._ear.heard else (text.silent if self._ear.silent else text.say, False)

    def _pick(self, kind: Kind, row: int) -> None:
        view = self.choices[kind]
        view.chosen = row
        view.update()
        self._refused = False
        self._focus(kind)
        if kind == "microphone":
            self._ear = Ear()
        self.rehearsal.pick(kind, view.names[row] if row < len(view.names) else None)
        self.update()

    def _focus(self, kind: Kind) -> None:
        for name, view in self.choices.items():
            view.focused = name == kind
            view.update()

    def _start(self) -> None:
        """Answer, unless there is nothing to go on with."""
        names = [view.names[view.chosen] if view.chosen < len(view.names) else None for view in self.choices.values()]
        if names == [None, None]:
            self._refused = True
            return
        self.answer = (names[0], names[1])
        self.close()

    # Qt's.

    def event(self, event: QEvent | None) -> bool:
        """Tab is ours: Qt would look for another widget to focus."""
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if isinstance(event, QKeyEvent) and pressed and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self.keyPressEvent(event)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pick with the arrows, change lists with Tab, start with Enter."""
        if event is None:
            return
        focused = next(view for view in self.choices.values() if view.focused)
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._start()
            case Qt.Key.Key_Escape:
                self.close()
            case Qt.Key.Key_R:
                self.rehearsal.search()
            case Qt.Key.Key_Down:
                self._pick(focused.kind, min(focused.chosen + 1, len(focused.rows) - 1))
            case Qt.Key.Key_Up:
                self._pick(focused.kind, max(focused.chosen - 1, 0))
            case Qt.Key.Key_Tab | Qt.Key.Key_Backtab | Qt.Key.Key_Left | Qt.Key.Key_Right:
                self._focus("microphone" if focused.kind == "camera" else "camera")
            case _:
                super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop looking, and tell."""
        self._timer.stop()
        self.closed.emit()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the window."""
        self._place()

    def _place(self) -> None:
        """Give every panel its place."""
        unit = unit_of(self.width(), self.height())
        edge, gap = round(28 * unit), round(16 * unit)
        top, foot = round(110 * unit), round(66 * unit)
        inside = QRect(edge, top, self.width() - 2 * edge, self.height() - top - foot)
        wide = inside.width() * 56 // 100
        tall = min(round(wide / self._aspect), inside.height() - gap - round(96 * unit))
        self.picture.setGeometry(inside.left(), inside.top(), wide, tall)
        self.meter.setGeometry(inside.left(), inside.top() + tall + gap, wide, max(inside.height() - tall - gap, 0))
        x, beside = inside.left() + wide + gap, inside.width() - wide - gap
        each = (inside.height() - gap) // 2
        self.choices["camera"].setGeometry(x, inside.top(), beside, each)
        self.choices["microphone"].setGeometry(x, inside.top() + each + gap, beside, each)
        self.strip.setGeometry(0, self.height() - foot, self.width(), foot)
        for panel in (self.picture, self.meter, self.strip, *self.choices.values()):
            panel.unit = unit

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the head line, and what to do where there is no camera."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        unit, text = unit_of(self.width(), self.height()), self.text.wizard
        head = QRectF(28 * unit, 20 * unit, self.width() - 56 * unit, 46 * unit)
        write(painter, head, text.title, round(32 * unit), self.theme.ink, bold=True)
        told = text.no_cameras if self._found is not None and not self._found["camera"] else text.see
        below = QRectF(head.left(), head.bottom(), head.width(), 32 * unit)
        write(painter, below, told, round(17 * unit), self.theme.dim)
