"""The window: draws the newest snapshot on a timer, and nothing else. No threads, no queue, no model."""

import time

from PyQt6.QtCore import QEvent, QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.control import Control, Desk
from realtime_cer.records import Snapshot
from realtime_cer.ui import controls_actions as hand
from realtime_cer.ui.actions import ACTIONS, BY_KEY
from realtime_cer.ui.bars import ModelsView
from realtime_cer.ui.cards import CardsView
from realtime_cer.ui.controls import ChoicesView, ControlsView
from realtime_cer.ui.facts import DetailsView, MetersView
from realtime_cer.ui.heading import HeadingView
from realtime_cer.ui.keys import KeysView
from realtime_cer.ui.moment import Looks, Moment, Presenter
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.picture import PictureView, is_mirror
from realtime_cer.ui.places import HEIGHT, WIDTH, arrange, aspect_of, opening_size, unit_of
from realtime_cer.ui.plots import CurvesView
from realtime_cer.ui.status import SoundView, StatusView
from realtime_cer.ui.text import text_of
from realtime_cer.ui.theme import THEMES
from realtime_cer.ui.verdict import VerdictView
from realtime_cer.ui.whybar import WhyView

_LOOK_MS = 15
"""Twice as often as a camera gives pictures, so that none of them waits for long or is missed."""

_REST_S = 0.19
"""Everything but the picture is drawn with each decision, or after so long without one."""

_GLIDE_S = 0.03
"""Bars on their way are drawn anew so often, between two pictures."""


class Window(QWidget):
    """The live plot; ``keys.BINDINGS`` lists what the keyboard does.

    Parameters
    ----------
    control : what is shown and steered
    title, rule, weights : shown in the first line
    looks : theme, language, smoothing, and what the window cannot work out by itself
    desk : does what the controls ask for; without one there are none
    """

    closed = pyqtSignal()

    def __init__(
        self,
        control: Control,
        title: str,
        rule: str,
        weights: str,
        looks: Looks | None = None,
        desk: Desk | None = None,
    ) -> None:
        super().__init__()
        looks = looks or Looks()
        self.control: Control = control
        self.desk: Desk | None = desk
        self.woken = self.told_at = float("-inf")
        self.told = (0, "")
        self._aspect, self._carded = 16 / 9, False
        self.mirror = looks.mirror
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
        self.cards = CardsView(self)
        self.cards.pressed.connect(self._choose)
        # Behind keys, over the panels named.
        self.details: DetailsView = DetailsView(self)
        self.meters: MetersView = MetersView(self)
        self.keys: KeysView = KeysView(self)
        self._over: dict[Panel, Panel | None] = {self.details: self.models, self.meters: self.curves, self.keys: None}
        self.panels: dict[str, Panel] = {one.objectName(): one for one in self.findChildren(Panel)}
        self.controls, self.choices = ControlsView(self), ChoicesView(self)
        self.controls.pressed.connect(self._press)
        self.choices.pressed.connect(self._take)
        self._floating: tuple[Panel, ...] = (self.controls, self.choices)
        self.panels |= {one.objectName(): one for one in self._floating}
        for panel in self._over:
            panel.hide()
        self.setMouseTracking(True)
        self.resize(opening_size(self.screen(), looks.size or (WIDTH, HEIGHT)))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._drawn = (0.0, self.control.snapshot().decision)
        self._spent = self._glided = 0.0
        self.dress()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.look)
        self._timer.start(_LOOK_MS)
        self.draw(self.control.snapshot())

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
        if self.cards.stays(snapshot) != self._carded:
            self._carded = not self._carded
            self._place()
        hand.refresh(self)
        for panel in self._on_show():
            panel.show_moment(moment)

    def draw_picture(self, snapshot: Snapshot) -> bool:
        """Show the newest picture of a snapshot; gives whether there is anything to be drawn."""
        return self._draw_picture(snapshot, self.presenter.moment(snapshot))

    def _draw_picture(self, snapshot: Snapshot, moment: Moment) -> bool:
        if snapshot.frame is not None and (aspect := aspect_of(snapshot.frame.picture)) != self._aspect:
            self._aspect = aspect
            self._place()
        if self.picture.mirrored != (mirrored := is_mirror(snapshot) if self.mirror is None else self.mirror):
            self.picture.mirrored = self.cards.mirrored = mirrored
            self.picture.refresh(snapshot)
        label = moment.shown.label if moment.shown else None
        return self.picture.show_picture(snapshot, label, self.control.paused)

    def _on_show(self) -> list[Panel]:
        return [panel for panel in self.panels.values() if panel.isVisibleTo(self)]

    def dress(self) -> None:
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
        key = event.key()
        if hand.list_key(self, key):
            return
        name = BY_KEY.get(key)
        if self.keys.isVisibleTo(self) and name != "quit":
            name = "keys"
        if name is None:
            super().keyPressEvent(event)
        elif name == "choose":
            hand.choose_number(self, key - Qt.Key.Key_1)
        elif not event.isAutoRepeat() or name in ("smoother", "rougher"):
            ACTIONS[name](self)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Show the controls to a hand."""
        hand.wake(self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Close an open list, or take the face that is pressed as the target."""
        if event is None:
            return
        if self.choices.isVisibleTo(self):
            hand.close_list(self)
            return
        hand.wake(self)
        place = event.position() - self.picture.pos().toPointF()
        face = self.picture.face_at(place.x(), place.y())
        if face is not None:
            self.control.choose(face)

    def _press(self, name: str) -> None:
        hand.wake(self)
        ACTIONS[name](self)

    def _take(self, row: str) -> None:
        hand.take(self, int(row))

    def _choose(self, face: int) -> None:
        """Take the face of a card as the target; once more, and size or place choose again."""
        person = hand.target(self)
        self.control.choose(None if person is not None and person.id == face else face)

    def back(self) -> None:
        """Close what was opened last, hide the controls, or leave the full screen."""
        for panel in reversed(self._over):
            if panel.isVisibleTo(self):
                self.turn(panel)
                return
        if self.controls.isVisibleTo(self):
            hand.rest(self)
            return
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)

    def turn(self, panel: Panel) -> None:
        """Open a panel behind a key, or close it."""
        panel.setVisible(not panel.isVisibleTo(self))
        self._place()
        self.draw(self.control.snapshot())

    def turned(self) -> None:
        """Draw all anew, after something that it is drawn by was changed."""
        self._place()
        snapshot = self.control.snapshot()
        self.picture.refresh(snapshot)
        self.draw(snapshot)

    # Qt's.

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop drawing, and tell."""
        self._timer.stop()
        if self.desk is not None and not self.isFullScreen():
            self.desk.remember(size=(self.width(), self.height()))
        self.closed.emit()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the window."""
        self._place()
        self.draw(self.control.snapshot())

    def _place(self) -> None:
        """Give every panel its place."""
        places = arrange(self.width(), self.height(), self._aspect, cards=self._carded, bar="bar" in self.panels)
        unit = unit_of(self.width(), self.height())
        whole = QRect(0, 0, self.width(), self.height())
        for name, panel in self.panels.items():
            panel.unit = unit
            if panel in self._floating:
                continue
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
        floor = places["bar"].top() if "bar" in places else self.height()
        self.controls.setGeometry(self.controls.place(self.width(), floor))
        for one in self._floating:
            one.raise_()
