"""The kiosk's window: one page for each state of a visit, over the whole screen. No threads, no model."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from PyQt6.QtCore import QEvent, QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.control import Control
from realtime_cer.kiosk.daily import Daily
from realtime_cer.kiosk.posing import Posing
from realtime_cer.kiosk.room import Tally
from realtime_cer.kiosk.states import SHOWING, Seen, Visit
from realtime_cer.records import Snapshot
from realtime_cer.ui.kiosk.attract import AttractView
from realtime_cer.ui.kiosk.booth import Booth
from realtime_cer.ui.kiosk.notice import FarewellView, NoticeView
from realtime_cer.ui.kiosk.posing import PoseView, StripView
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.picture import PictureView, is_mirror
from realtime_cer.ui.places import aspect_of, unit_of
from realtime_cer.ui.text import text_of
from realtime_cer.ui.theme import THEMES
from realtime_cer.ui.window import Window

_LOOK_MS: Final = 33
_DREAM_S: Final = 0.05
_SHARE: Final = 5.0
"""Of so many parts of the time, the loop takes one."""

_FRESH_S: Final = 1.0
"""An older picture says nothing about who is there."""

_AGREE = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_YES = (Qt.Key.Key_Y, Qt.Key.Key_J)
_CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class KioskWindow(QWidget):
    """Shows what the state of the visit allows. Ctrl+Shift+Q is the only way out of it.

    The live window exists only while it may be seen: before somebody agrees there is nothing that could be shown.

    Parameters
    ----------
    control : what is shown and steered
    title, rule, weights, looks : of the live window
    booth : everything else

    Attributes
    ----------
    visit : where the visit stands
    live, picture, pose : what shows people; None where nobody has agreed
    """

    closed = pyqtSignal()

    def __init__(
        self,
        control: Control,
        title: str,
        rule: str,
        weights: str,
        looks: Looks,
        booth: Booth,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__()
        self.control = control
        self.visit = Visit(ask=booth.config.consent, leave_s=booth.config.leave_s)
        self._booth, self._clock, self._wall = booth, clock, wall
        self._daily = Daily(booth.config.restart_at, clock())
        self._posing = Posing(booth.seed)
        self._tally = Tally()
        self._make: Callable[[], Window] = partial(Window, control, title, rule, weights, looks)
        self.live: Window | None = None
        self.picture: PictureView | None = None
        self.pose: PoseView | None = None
        self.setWindowTitle("realtime-cer")
        self.setWindowFlags(Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.theme, self.text = THEMES[looks.theme], text_of(looks.language)
        self.attract, self.notice = AttractView(self), NoticeView(self, booth.notice)
        self.farewell, self.strip = FarewellView(self), StripView(self)
        for panel in (self.attract, self.notice, self.farewell, self.strip):
            panel.dress(self.theme, self.text)
        self._aspect = 16 / 9
        self._dreamt = float("-inf")
        self._shown = ""
        self._turn()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(_LOOK_MS)

    # What happens.

    def look(self) -> None:
        """Take in who is there, and show what is allowed."""
        now, snapshot = self._clock(), self.control.snapshot()
        if self.visit.look(now, self._seen(snapshot)):
            self._forget()
        if self.visit.state == "pose":
            self._play(now, snapshot)
        self._turn()
        if self.visit.state == "attract":
            self._rest(now)
        elif self.visit.state == "notice":
            self.notice.set_consent(self.visit.consent)

    def _seen(self, snapshot: Snapshot) -> Seen:
        visual = snapshot.visual
        if visual is None or snapshot.t - visual.frame_t > _FRESH_S:
            return Seen()
        faces = frozenset(one.face.id for one in visual.faces)
        if visual.face is None:
            return Seen(faces)
        return Seen(faces | {visual.face.id}, self._booth.gape(visual.face.landmarks))

    def _forget(self) -> None:
        """Wipe all that is held of people, here and in the program around."""
        self._posing.forget()
        self._booth.forget()

    def _rest(self, now: float) -> None:
        """Nobody is there: dream, and do what is to be done once a day."""
        if now - self._dreamt >= max(_DREAM_S, _SHARE * self.attract.spent_s):
            self._dreamt = now
            self.attract.trouble = "; ".join(one for one in (self._tally.trouble, self._booth.trouble()) if one)
            self.attract.update()
        if self._daily.test(now, self.visit.idle_since):
            self._booth.test()
        if self._daily.restart(now, self._wall(), self.visit.idle_since):
            self._tally.settle()  # what waits for the disk is lost with this process
            self._booth.restart()
            self.close()

    def _play(self, now: float, snapshot: Snapshot) -> None:
        self._posing.look(now, snapshot.decision)
        if self._posing.phase == "over":
            self.visit.pose(now, False)
        elif self.pose is not None and self.picture is not None:
            self.pose.refresh()
            if snapshot.frame is not None and (aspect := aspect_of(snapshot.frame.picture)) != self._aspect:
                self._aspect = aspect
                self._place()
            self.picture.mirrored = is_mirror(snapshot)
            self.picture.show_picture(snapshot, None, paused=False)

    def _count(self, now: float, yes: bool) -> None:
        """The visitor's answer."""
        if self._posing.phase != "confirm":
            return
        self._tally.count(self._posing.answer(now, yes))
        if self.pose is not None:
            self.pose.room = self._tally.room

    # What is shown.

    def _turn(self) -> None:
        """Show the page of the state, and have no page that shows people without their consent."""
        state = self.visit.state
        if state == self._shown:
            return
        self._shown = state
        if state not in SHOWING:
            self._clear()
        if state == "live":
            self._show_live()
        elif state == "pose":
            self._show_pose()
        pages = {"attract": self.attract, "notice": self.notice, "forgotten": self.farewell}
        for name, page in pages.items():
            page.setVisible(name == state)
        self.strip.setVisible(state in SHOWING)
        self._place()

    def _clear(self) -> None:
        """Take everything away that has shown somebody."""
        if self.live is not None:
            self.live.close()
        pages: tuple[QWidget | None, ...] = (self.live, self.picture, self.pose)
        for one in pages:
            if one is not None:
                one.hide()
                one.deleteLater()
        self.live = self.picture = self.pose = None

    def _show_live(self) -> None:
        self._clear()
        text = self.text.kiosk
        self.strip.set_keys(("P", text.pose), ("F", text.forget))
        self.live = self._make()
        self.live.setParent(self)
        # Its own keys and switches are for people at their own desk.
        self.live.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.live.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        for panel in (self.live.heading, self.live.status):  # nor is a key named that does nothing here
            panel.dress(self.theme, replace(self.text, hint="", trouble="{source}"))
        self.live.show()
        self.setFocus()

    def _show_pose(self) -> None:
        self._clear()
        text = self.text.kiosk
        self.strip.set_keys(("P", text.back), ("F", text.forget))
        self._posing.begin(self._clock())
        self._tally.settle()
        self.picture, self.pose = PictureView(self, None), PoseView(self, self._posing, self._tally.room, self._clock)
        for panel in (self.picture, self.pose):
            panel.dress(self.theme, self.text)
            panel.show()

    def _place(self) -> None:
        unit = unit_of(self.width(), self.height())
        foot = round(58 * unit) if self.visit.state in SHOWING else 0
        whole = QRect(0, 0, self.width(), self.height() - foot)
        for panel in (self.attract, self.notice, self.farewell, self.strip, self.picture, self.pose):
            if panel is not None:
                panel.unit = unit
        for page in (self.attract, self.notice, self.farewell, self.live):
            if page is not None:
                page.setGeometry(whole)
        self.strip.setGeometry(0, self.height() - foot, self.width(), foot)
        if self.picture is not None and self.pose is not None:
            edge = round(16 * unit)
            inside = whole.adjusted(edge, edge, -edge, 0)
            wide = inside.width() * 58 // 100
            tall = min(round(wide / self._aspect), inside.height())
            self.picture.setGeometry(inside.left(), inside.top() + (inside.height() - tall) // 2, wide, tall)
            self.pose.setGeometry(
                inside.left() + wide + edge, inside.top(), inside.width() - wide - edge, inside.height()
            )
        self.update()

    # Qt's.

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Do what a visitor may; everything else does nothing."""
        if event is None or event.isAutoRepeat():
            return
        now, key, state = self._clock(), event.key(), self.visit.state
        if key == Qt.Key.Key_Q and event.modifiers() & _CHORD == _CHORD:
            self.close()
            return
        if key in _AGREE:
            if self.visit.agree(now):
                self._forget()
        elif key == Qt.Key.Key_F and state != "forgotten":
            if self.visit.forget(now):
                self._forget()
        elif key == Qt.Key.Key_P:
            self.visit.pose(now, state == "live")
        elif state == "pose" and key in (*_YES, Qt.Key.Key_N):
            self._count(now, key in _YES)
        self._turn()

    def changeEvent(self, event: QEvent | None) -> None:
        """Come back to the full screen, whoever took it away."""
        super().changeEvent(event)
        turned = event is not None and event.type() == QEvent.Type.WindowStateChange and self.isVisible()
        if turned and not self.windowState() & Qt.WindowState.WindowFullScreen:
            QTimer.singleShot(0, self.showFullScreen)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Close when the program wants to; a wish of the window system's, as of Alt+F4, is ignored."""
        if event is None or event.spontaneous():
            if event is not None:
                event.ignore()
            return
        self._timer.stop()
        self._clear()
        self.closed.emit()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the screen."""
        self._place()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint what lies between the pages."""
        if event is not None:
            QPainter(self).fillRect(event.rect(), QColor(self.theme.ground))
