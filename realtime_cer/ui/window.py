"""The window: draws the newest snapshot on a timer, and nothing else. No threads, no queue, no model."""

import time

from PyQt6.QtCore import QRect, QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.control import Control
from realtime_cer.palette import WARN
from realtime_cer.records import Picture, Snapshot
from realtime_cer.ui.bars import ModelsView
from realtime_cer.ui.picture import PictureView
from realtime_cer.ui.plots import CurvesView
from realtime_cer.ui.status import SoundView, StatusView
from realtime_cer.ui.theme import DIM, FAINT, GROUND, INK, RIGHT, Panel, bright, write
from realtime_cer.ui.verdict import VerdictView

WIDTH, HEIGHT = 1280, 720
"""Size of the design, in pixels; everything follows the window from there."""

_LOOK_MS = 15
"""Twice as often as a camera gives pictures, so that none of them waits for long or is missed."""

_REST_S = 0.19
"""Everything but the picture is drawn with each decision, or after so long without one."""

_KEYS = "space pauses · F11 full screen · Q quits"


class Heading(Panel):
    """Title, how is decided, and the keys."""

    def __init__(self, parent: QWidget, title: str, rule: str, weights: str) -> None:
        super().__init__(parent, "heading", padding=0)
        self._title, self._how = title, f"rule {rule} · weights {weights}"
        self._paused = False
        self.say(f"{title}, {self._how}")

    def set_paused(self, on: bool) -> None:
        """Show whether the view is held."""
        if on != self._paused:
            self._paused = on
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint one line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(GROUND))
        area = QRectF(self.rect())
        x = write(painter, area, self._title, self.px(17), INK, bold=True) + self.px(18)
        if self._paused:
            text = "paused: recognition goes on"
            write(painter, QRectF(x, 0, self.width() - x, self.height()), text, self.px(14), bright(WARN))
        elif self.width() > 900 * self.unit:
            write(painter, QRectF(x, 0, self.width() - x, self.height()), _KEYS, self.px(13), FAINT)
        write(painter, area.adjusted(x, 0, 0, 0), self._how, self.px(13), DIM, align=RIGHT)


class Window(QWidget):
    """The live plot.

    Space pauses the view, F11 fills the screen, Escape leaves it, Q and closing the window end.

    Parameters
    ----------
    control : what is shown and steered
    title, rule, weights : shown in the first line
    """

    closed = pyqtSignal()

    def __init__(self, control: Control, title: str, rule: str, weights: str) -> None:
        super().__init__()
        self.control = control
        self._aspect = 16 / 9
        self.setWindowTitle(f"realtime-cer · {title}")
        self.setStyleSheet(f"Window {{ background: {GROUND}; }}")
        self.heading = Heading(self, title, rule, weights)
        self.picture = PictureView(self)
        self.verdict = VerdictView(self)
        self.models = ModelsView(self)
        self.curves = CurvesView(self)
        self.sound = SoundView(self)
        self.status = StatusView(self)
        self.resize(self._room())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._drawn = (0.0, self.control.snapshot().decision)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.look)
        self._timer.start(_LOOK_MS)
        self.draw(self.control.snapshot())

    def _room(self) -> QSize:
        """The size of the design, or what a small screen has room for."""
        screen = self.screen()
        room = screen.availableSize() if screen else QSize(WIDTH, HEIGHT)
        return QSize(WIDTH, HEIGHT).boundedTo(room)

    def look(self) -> None:
        """Show the newest picture; or, with a new decision, everything else. Both at once would take too long."""
        snapshot = self.control.snapshot()
        when, decision = self._drawn
        ago = time.monotonic() - when
        due = snapshot.decision is not decision or ago >= _REST_S
        if due and (snapshot.frame is self.picture.frame or ago >= 2 * _REST_S):
            self.draw(snapshot)
        else:
            self.draw_picture(snapshot)

    def draw(self, snapshot: Snapshot) -> None:
        """Show all of a snapshot."""
        self._drawn = time.monotonic(), snapshot.decision
        self.draw_picture(snapshot)
        self.heading.set_paused(self.control.paused)
        for panel in (self.verdict, self.models, self.curves, self.sound, self.status):
            if panel.isVisibleTo(self):
                panel.show_moment(snapshot)

    def draw_picture(self, snapshot: Snapshot) -> None:
        """Show the newest picture of a snapshot."""
        if snapshot.frame is not None and (aspect := aspect_of(snapshot.frame.picture)) != self._aspect:
            self._aspect = aspect
            self._place()
        self.picture.show_moment(snapshot, self.control.paused)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Steer."""
        if event is None:
            return
        key = event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.control.pause(not self.control.paused)
                self.draw(self.control.snapshot())
        elif key == Qt.Key.Key_F11:
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        elif key == Qt.Key.Key_Escape:
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)
        elif key == Qt.Key.Key_Q:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop drawing, and tell."""
        self._timer.stop()
        self.closed.emit()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the window."""
        self._place()
        self.draw(self.control.snapshot())

    def _place(self) -> None:
        """Give every panel its place."""
        places = arrange(self.width(), self.height(), self._aspect)
        for name, panel in self._panels().items():
            place = places.get(name)
            panel.setVisible(place is not None)
            if place is not None:
                panel.unit = unit_of(self.width(), self.height())
                panel.setGeometry(place)
                panel.update()

    def _panels(self) -> dict[str, Panel]:
        return {
            panel.objectName(): panel
            for panel in (
                self.heading,
                self.picture,
                self.verdict,
                self.models,
                self.curves,
                self.sound,
                self.status,
            )
        }


def unit_of(width: int, height: int) -> float:
    """How large a pixel of the design is in a window; letters stay readable in small ones."""
    if upright(width, height):
        width, height = height, width
    return max(min(width / WIDTH, height / HEIGHT), 0.55)


def upright(width: int, height: int) -> bool:
    """Whether a window is that of a screen on its side."""
    return height > 1.15 * width


def aspect_of(picture: Picture) -> float:
    """Width over height of a picture, within what a window has room for."""
    return float(min(max(picture.shape[1] / picture.shape[0], 0.75), 16 / 9))


def arrange(width: int, height: int, aspect: float = 16 / 9) -> dict[str, QRect]:
    """Where the panels go in a window of a size; panels that do not fit are left out.

    Parameters
    ----------
    width, height : in pixels
    aspect : width over height of the picture
    """
    unit = unit_of(width, height)
    gap, margin = max(round(10 * unit), 2), max(round(14 * unit), 2)
    left, top, right, bottom = margin, margin, width - margin, height - margin
    places: dict[str, QRect] = {}

    def put(name: str, x: int, y: int, w: int, h: int) -> None:
        if w >= 8 and h >= 8:
            places[name] = QRect(x, y, w, h)

    if width < 560 or height < 330:
        # Too small for figures: the picture, and what is said of it.
        said = max(min(round(64 * unit), (bottom - top) // 3), 0)
        put("picture", left, top, right - left, bottom - top - said - gap)
        put("verdict", left, bottom - said, right - left, said)
        return places
    head, foot = round(26 * unit), round(40 * unit)
    put("heading", left, top, right - left, head)
    y = top + head + gap
    end = bottom - foot - gap
    if upright(width, height):
        # Everything under each other.
        wide = right - left
        high = min(round(wide / aspect), (end - y) * 2 // 5)
        put("picture", left, y, wide, high)
        said = round(170 * unit)
        rest = (end - y - high - said - 3 * gap) // 2
        put("verdict", left, y + high + gap, wide, said)
        put("curves", left, y + high + said + 2 * gap, wide, rest)
        put("models", left, end - rest, wide, rest)
    else:
        high = (end - y) * 57 // 100
        wide = min(round(high * aspect), (right - left) * 56 // 100)
        put("picture", left, y, wide, high)
        x = left + wide + gap
        said = high * 46 // 100
        put("verdict", x, y, right - x, said)
        put("models", x, y + said + gap, right - x, high - said - gap)
        put("curves", left, y + high + gap, right - left, end - y - high - gap)
    sound = min(round(360 * unit), (right - left) // 3)
    put("sound", left, bottom - foot, sound, foot)
    put("status", left + sound + gap, bottom - foot, right - left - sound - gap, foot)
    return places
