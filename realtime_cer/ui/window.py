"""The window: draws the newest snapshot on a timer, and nothing else. No threads, no queue, no model."""

import time
from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QEvent, QRect, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.control import Control
from realtime_cer.records import Snapshot
from realtime_cer.smoothing import LONGEST_S
from realtime_cer.ui.bars import ModelsView
from realtime_cer.ui.facts import DetailsView, MetersView
from realtime_cer.ui.heading import HeadingView
from realtime_cer.ui.keys import BINDINGS, KeysView
from realtime_cer.ui.moment import Looks, Moment, Presenter
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.picture import PictureView, is_mirror
from realtime_cer.ui.places import HEIGHT, WIDTH, arrange, aspect_of, unit_of
from realtime_cer.ui.plots import CurvesView
from realtime_cer.ui.status import SoundView, StatusView
from realtime_cer.ui.text import text_of
from realtime_cer.ui.theme import DARK, LIGHT, THEMES
from realtime_cer.ui.verdict import VerdictView
from realtime_cer.ui.whybar import WhyView

_LOOK_MS = 15
"""Twice as often as a camera gives pictures, so that none of them waits for long or is missed."""

_REST_S = 0.19
"""Everything but the picture is drawn with each decision, or after so long without one."""

_GLIDE_S = 0.03
"""Bars on their way are drawn anew so often, between two pictures."""

_STEPS_S = (0.0, 0.3, 0.6, 1.0, 2.0, LONGEST_S)
"""What the keys for smoothing step through."""


class Window(QWidget):
    """The live plot; ``keys.BINDINGS`` lists what the keyboard does.

    Parameters
    ----------
    control : what is shown and steered
    title, rule, weights : shown in the first line
    looks : theme, language, smoothing, and what the window cannot work out by itself
    """

    closed = pyqtSignal()

    def __init__(self, control: Control, title: str, rule: str, weights: str, looks: Looks | None = None) -> None:
        super().__init__()
        looks = looks or Looks()
        self.control = control
        self._aspect = 16 / 9
        self._mirror = looks.mirror
        self.presenter = Presenter(looks.smoothing_s, looks.without)
        self.theme, self.text = THEMES[looks.theme], text_of(looks.language)
        self.setWindowTitle(f"realtime-cer · {title}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.heading = HeadingView(self, title, rule, weights)
        self.picture = PictureView(self, looks.cut)
        self.verdict = VerdictView(self)
        self.why = WhyView(self)
        self.curves = CurvesView(self)
        self.models = ModelsView(self)
        self.sound = SoundView(self)
        self.status = StatusView(self)
        # Behind keys, over the panels named.
        self.details = DetailsView(self)
        self.meters = MetersView(self)
        self.keys = KeysView(self)
        self._over: dict[Panel, Panel | None] = {self.details: self.models, self.meters: self.curves, self.keys: None}
        self.panels: dict[str, Panel] = {one.objectName(): one for one in self.findChildren(Panel)}
        for panel in self._over:
            panel.hide()
        self.resize(self._room())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._drawn = (0.0, self.control.snapshot().decision)
        self._spent = self._glided = 0.0
        self._dress()
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

    # Drawing.

    def look(self) -> None:
        """Show the newest picture, or with a new decision everything else, or let bars glide: one at a time."""
        begun = time.perf_counter()
        snapshot = self.control.snapshot()
        when, decision = self._drawn
        ago = time.monotonic() - when
        due = snapshot.decision is not decision or ago >= _REST_S
        if due and (snapshot.frame is self.picture.frame or ago >= 2 * _REST_S):
            self.draw(snapshot)
        elif not self.draw_picture(snapshot):
            self._glide(time.monotonic())
        self._spent += time.perf_counter() - begun

    def _glide(self, now: float) -> None:
        """Let what is on its way move on, thirty times a second."""
        if now - self._glided >= _GLIDE_S:
            self._glided = now
            for panel in self._on_show():
                if panel.moving(now):
                    panel.update()

    def event(self, event: QEvent | None) -> bool:
        """Let Qt paint what was changed, and tell how long all of that took."""
        if event is None or event.type() != QEvent.Type.UpdateRequest:
            return super().event(event)
        begun = time.perf_counter()
        done = super().event(event)
        self.control.drew(self._spent + time.perf_counter() - begun)
        self._spent = 0.0
        return done

    def draw(self, snapshot: Snapshot) -> None:
        """Show all of a snapshot."""
        self._drawn = time.monotonic(), snapshot.decision
        moment = self.presenter.moment(snapshot)
        self._draw_picture(snapshot, moment)
        self.heading.set_paused(self.control.paused)
        for panel in self._on_show():
            panel.show_moment(moment)

    def draw_picture(self, snapshot: Snapshot) -> bool:
        """Show the newest picture of a snapshot; gives whether there is anything to be drawn."""
        return self._draw_picture(snapshot, self.presenter.moment(snapshot))

    def _draw_picture(self, snapshot: Snapshot, moment: Moment) -> bool:
        if snapshot.frame is not None and (aspect := aspect_of(snapshot.frame.picture)) != self._aspect:
            self._aspect = aspect
            self._place()
        if self.picture.mirrored != (mirrored := is_mirror(snapshot) if self._mirror is None else self._mirror):
            self.picture.mirrored = mirrored
            self.picture.refresh(snapshot)
        label = moment.shown.label if moment.shown else None
        return self.picture.show_picture(snapshot, label, self.control.paused)

    def _on_show(self) -> list[Panel]:
        return [panel for panel in self.panels.values() if panel.isVisibleTo(self)]

    def _dress(self) -> None:
        """Put on the theme and the language."""
        for panel in self.panels.values():
            panel.dress(self.theme, self.text)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint what lies between the panels."""
        if event is not None:
            QPainter(self).fillRect(event.rect(), QColor(self.theme.ground))

    # Keys.

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Do what the table of keys says; while it is shown, any key closes it."""
        if event is None:
            return
        name = _BY_KEY.get(event.key())
        if self.keys.isVisibleTo(self) and name != "quit":
            name = "keys"
        if name is None:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat() or name in ("smoother", "rougher"):
            _ACTIONS[name](self)

    def _pause(self) -> None:
        self.control.pause(not self.control.paused)
        self.draw(self.control.snapshot())

    def _back(self) -> None:
        """Close what was opened last, or leave the full screen."""
        for panel in reversed(self._over):
            if panel.isVisibleTo(self):
                self._turn(panel)
                return
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)

    def _turn(self, panel: Panel) -> None:
        """Open a panel behind a key, or close it."""
        panel.setVisible(not panel.isVisibleTo(self))
        self._place()
        self.draw(self.control.snapshot())

    def _switch(self, name: str) -> None:
        """Turn one of the picture's switches."""
        setattr(self.picture, name, not getattr(self.picture, name))
        snapshot = self.control.snapshot()
        self.picture.refresh(snapshot)
        self.draw(snapshot)

    def _turn_mirror(self) -> None:
        self._mirror = not self.picture.mirrored
        self.draw(self.control.snapshot())

    def _turn_light(self) -> None:
        self.theme = LIGHT if self.theme is DARK else DARK
        self._dress()

    def _smooth(self, step: int) -> None:
        """Smooth more or less."""
        seconds = self.presenter.seconds
        others = [one for one in _STEPS_S if (one > seconds if step > 0 else one < seconds)]
        if others:
            self.presenter.smooth(others[0] if step > 0 else others[-1])
            self.draw(self.control.snapshot())

    # Qt's.

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
        unit = unit_of(self.width(), self.height())
        whole = QRect(0, 0, self.width(), self.height())
        for name, panel in self.panels.items():
            panel.unit = unit
            if panel in self._over:
                below = self._over[panel]
                rect = whole if below is None else places.get(below.objectName(), whole)
                panel.setGeometry(QRect(*self.keys.place(self.width(), self.height())) if below is None else rect)
                panel.raise_()
            else:
                place = places.get(name)
                covered = any(low is panel and high.isVisibleTo(self) for high, low in self._over.items())
                panel.setVisible(place is not None and not covered)
                if place is not None:
                    panel.setGeometry(place)
            panel.update()


# Functions of a window: methods held by it would make a circle, and it would go whenever the collector comes by.
_ACTIONS: Final[dict[str, Callable[[Window], object]]] = {
    "pause": Window._pause,
    "full_screen": lambda window: window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen),
    "back": Window._back,
    "details": lambda window: window._turn(window.details),
    "meters": lambda window: window._turn(window.meters),
    "landmarks": lambda window: window._switch("landmarks"),
    "crop": lambda window: window._switch("crop"),
    "mirror": Window._turn_mirror,
    "theme": Window._turn_light,
    "smoother": lambda window: window._smooth(+1),
    "rougher": lambda window: window._smooth(-1),
    "keys": lambda window: window._turn(window.keys),
    "quit": Window.close,
}
_BY_KEY: Final[dict[int, str]] = {int(key): one.action for one in BINDINGS for key in one.keys}
