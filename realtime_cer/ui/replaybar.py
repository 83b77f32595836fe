"""The time bar under a session that is played: where it stands, what was said when, and what differs from then."""

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap, QPolygonF
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.control import Strip
from realtime_cer.ui import words
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.ribbon import ABSTAINS, NOTHING, clock, columns, spans, touched
from realtime_cer.ui.speaker import draw_speaker
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import CENTRE, RIGHT, Theme, fitting, width_of, write

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_LEFT = 286
"""Room for the button and the figures, in pixels of the design."""


class ReplayBar(Panel):
    """Button, figures, and the session as a ribbon in the colours of its classes, which is pressed to go there.

    An abstention is a thin grey line where the classes are high and coloured. With ``compared`` on, what was said then
    lies under it as a second ribbon, and what differs is marked between the two.
    """

    sought = pyqtSignal(float)
    pressed = pyqtSignal(str)

    def __init__(self, parent: QWidget, strip: Strip) -> None:
        super().__init__(parent, "bar", padding=14)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.strip = strip
        self.compared = self.playing = self.busy = self._dragged = False
        self.position, self.speed, self.sound = strip.begin, 1.0, "heard"
        self._drawn: tuple[object, ...] = ()
        self._ribbons = QPixmap()

    def dress(self, theme: Theme, text: Text) -> None:
        """Take colours and language."""
        super().dress(theme, text)
        self._drawn = ()

    def follow(self, strip: Strip, position: float, *, playing: bool, speed: float, busy: bool, sound: str) -> None:
        """Show where the session stands; ``sound`` is "heard", or why it is not, as ``ReplayText.silent`` names it."""
        seen = (self._x(position), self._figures(), self.playing, self.speed, self.busy, self.sound, self.strip)
        self.strip, self.position, self.playing, self.speed, self.busy = strip, position, playing, speed, busy
        self.sound = sound
        if seen != (self._x(position), self._figures(), playing, speed, busy, sound, strip):
            self.tell(self.told())
            self.update()

    def compare(self, on: bool) -> None:
        """Show what was said then, too, or not."""
        self.compared = on
        self.update()

    def told(self) -> str:
        """What the bar shows, in words."""
        text, strip = self.text, self.strip
        newest = max(int(np.searchsorted(strip.t, self.position + 1e-6, side="right")) - 1, 0)
        code = int(strip.said[newest])
        told = text.replay.at.format(
            position=clock(self.position - strip.begin, strip.end - strip.begin),
            length=clock(strip.end - strip.begin, strip.end - strip.begin),
            speed=f"{words.number(text, self.speed, 1)}×",
            state=text.replay.playing if self.playing else text.replay.standing,
            said=text.compound[code] if code >= 0 else text.abstains,
        )
        return f"{told}; {why}" if (why := self.silence()) else told

    def silence(self) -> str:
        """Why nothing is heard, in words; nothing where it is."""
        return self.text.replay.silent.get(self.sound, "").format(speed=self._pace())

    def differences(self) -> str:
        """How much differs from then, in words."""
        if self.busy:
            return self.text.replay.computing
        count = int(self.strip.differ.sum())
        return self.text.replay.differ.format(count=count, rows=len(self.strip.t)) if count else self.text.replay.same

    # Where its parts lie.

    def track(self) -> QRectF:
        """The ribbons, which stand for the whole session."""
        area = self.inside()
        left = area.left() + min(self.px(_LEFT), area.width() / 3)
        top = area.top() + self.px(12)
        return QRectF(left, top, max(area.right() - left, 1.0), max(area.bottom() - top - self.px(17), 2.0))

    def button(self) -> QRectF:
        """What plays and stops."""
        area = self.inside()
        side = min(area.height(), self.px(48))
        return QRectF(area.left(), area.center().y() - side / 2, side, side)

    def pace(self) -> QRectF:
        """What changes the speed."""
        button, area = self.button(), self.inside()
        left = button.right() + self.px(14)
        return QRectF(left, area.center().y(), self.px(44), area.height() / 2)

    def speaker(self) -> QRectF:
        """What turns the sound off and on."""
        pace = self.pace()
        side = min(self.px(22), pace.height())
        right = self.track().left() - self.px(14 if not self.compared else 44)
        return QRectF(right - side, self.inside().top() + (pace.height() - side) / 2, side, side)

    def x_of(self, t: float) -> float:
        """Where a time lies."""
        track, length = self.track(), self.strip.end - self.strip.begin
        return track.left() + (t - self.strip.begin) / length * track.width()

    def t_of(self, x: float) -> float:
        """Which time lies there, within the session."""
        track = self.track()
        share = min(max((x - track.left()) / track.width(), 0.0), 1.0)
        return self.strip.begin + share * (self.strip.end - self.strip.begin)

    def _x(self, t: float) -> int:
        return round(self.x_of(t) * self.devicePixelRatioF())

    # Hands.

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go where it is pressed, play or stop, or change the speed."""
        if event is None:
            return
        at = event.position()
        self._dragged = False
        if self.button().contains(at):
            self.pressed.emit("play")
        elif self.pace().contains(at):
            self.pressed.emit("speed")
        elif self.speaker().contains(at):
            self.pressed.emit("sound")
        elif at.x() >= self.track().left() - self.px(8):
            self._dragged = True
            self.sought.emit(self.t_of(at.x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Follow a hand that drags."""
        if event is not None and self._dragged and event.buttons() & Qt.MouseButton.LeftButton:
            self.sought.emit(self.t_of(event.position().x()))

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it; the ribbons only where something of them changed."""
        painter = QPainter(self)
        self.ground(painter)
        self._head(painter)
        track = self.track()
        painter.drawPixmap(track.topLeft(), self._ribbon(track))
        self._names(painter, track)
        self._marks(painter, track)
        self._scale(painter, track)
        x = self.x_of(self.position)
        ink = QColor(self.theme.ink)
        painter.fillRect(
            QRectF(x - self.unit, track.top() - self.px(4), 2 * self.unit, track.height() + self.px(8)), ink
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawEllipse(QPointF(x, track.bottom() + self.px(4)), 4 * self.unit, 4 * self.unit)

    def _figures(self) -> tuple[str, str]:
        length = self.strip.end - self.strip.begin
        passed = clock(self.position - self.strip.begin, length, 1).replace(".", self.text.decimal)
        return passed, f" / {clock(length, length)}"

    def _pace(self) -> str:
        return f"{self.speed:g}×".replace(".", self.text.decimal)

    def _head(self, painter: QPainter) -> None:
        """The button and the figures."""
        theme, button, area = self.theme, self.button(), self.inside()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.track))
        painter.drawEllipse(button)
        painter.setBrush(QColor(theme.ink))
        middle, size = button.center(), button.height() * 0.2
        if self.playing:
            for side in (-1, 1):
                at = middle.x() + side * size * 0.55
                painter.drawRoundedRect(QRectF(at - size * 0.28, middle.y() - size, size * 0.56, 2 * size), 1.5, 1.5)
        else:
            tip = QPointF(middle.x() + size * 1.15, middle.y())
            back = middle.x() - size * 0.75
            painter.drawPolygon(QPolygonF([QPointF(back, middle.y() - size), QPointF(back, middle.y() + size), tip]))
        left, half = button.right() + self.px(14), area.height() / 2
        room = max(self.track().left() - left - self.px(8 if not self.compared else 40), 1.0)
        upper, lower = QRectF(left, area.top(), room, half), QRectF(left, area.top() + half, room, half)
        passed, whole = self._figures()
        used = write(painter, upper, passed, self.px(18), theme.ink, bold=True)
        write(painter, upper.adjusted(used, 0, 0, 0), whole, self.px(13), theme.dim)
        write(painter, lower, self._pace(), self.px(13), theme.ink, bold=True)
        told = [one for one in (self.silence(), self.differences() if self.compared or self.busy else "") if one]
        for n, line in enumerate(told):
            beside = QRectF(lower.left() + self.px(36), 0, max(lower.width() - self.px(36), 1.0), half / len(told))
            beside.moveTop(lower.top() + n * beside.height())
            size = fitting(line, beside.width(), self.px(12), self.px(9), bold=False)
            write(painter, beside, line, size, theme.dim)
        heard = self.sound == "heard"
        draw_speaker(painter, self.speaker(), theme.ink if heard else theme.faint, on=heard)

    def _ribbon(self, track: QRectF) -> QPixmap:
        """Both ribbons, painted once for each session, size and theme."""
        ratio = self.devicePixelRatioF()
        wide, high = max(round(track.width() * ratio), 1), max(round(track.height() * ratio), 1)
        drawn = (self.strip, wide, high, self.compared, self.theme)
        if drawn == self._drawn:
            return self._ribbons
        self._drawn = drawn
        made = QPixmap(wide, high)
        made.fill(QColor(self.theme.panel))
        painter = QPainter(made)
        if self.compared:
            upper, gap = round(high * 0.52), max(round(high * 0.12), 2)
            self._paint(painter, columns(self.strip, self.strip.said, wide), 0, upper)
            self._paint(painter, columns(self.strip, self.strip.then, wide), upper + gap, high - upper - gap)
            for begin, end, code in spans(touched(self.strip, self.strip.differ, wide)):
                if code:
                    painter.fillRect(begin, upper, end - begin, gap, QColor(self.theme.ink))
        else:
            self._paint(painter, columns(self.strip, self.strip.said, wide), 0, high)
        painter.end()
        made.setDevicePixelRatio(ratio)
        self._ribbons = made
        return made

    def _paint(self, painter: QPainter, said: npt.NDArray[np.int8], top: int, high: int) -> None:
        for begin, end, code in spans(said):
            if code == NOTHING:
                continue
            if code == ABSTAINS:
                thin = max(high // 6, 1)
                painter.fillRect(begin, top + (high - thin) // 2, end - begin, thin, QColor(self.theme.calm))
            else:
                painter.fillRect(begin, top, end - begin, high, self.drawn(palette.COMPOUND[code]))

    def _names(self, painter: QPainter, track: QRectF) -> None:
        """What each of two ribbons is."""
        if not self.compared:
            return
        upper, gap, size = track.height() * 0.52, track.height() * 0.12, self.px(11)
        for name, top, high in (
            (self.text.replay.now, track.top(), upper),
            (self.text.replay.then, track.top() + upper + gap, track.height() - upper - gap),
        ):
            line = QRectF(track.left() - self.px(60), top + high / 2 - size, self.px(52), 2 * size)
            write(painter, line, name, size, self.theme.faint, align=RIGHT)

    def _marks(self, painter: QPainter, track: QRectF) -> None:
        """A small triangle over each."""
        size = self.px(4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.dim))
        for t in self.strip.marks:
            x, y = self.x_of(t), track.top() - self.px(3)
            painter.drawPolygon(
                QPolygonF([QPointF(x - size, y - 1.6 * size), QPointF(x + size, y - 1.6 * size), QPointF(x, y)])
            )

    def _scale(self, painter: QPainter, track: QRectF) -> None:
        """Times under the ribbons, as many as there is room for."""
        length, size = self.strip.end - self.strip.begin, self.px(12)
        room = width_of(clock(length, length), size) + self.px(40)
        most = max(track.width() / room, 1.0)
        step = next((one for one in _STEPS_S if length / one <= most), _STEPS_S[-1])
        for n in range(int(length / step) + 1):
            x = track.left() + n * step / length * track.width()
            line = QRectF(x - room / 2, track.bottom() + self.px(8), room, size * 1.3)
            align = CENTRE
            if line.left() < track.left() - self.px(8):
                line.moveLeft(track.left())
                align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            if line.right() > track.right() + self.px(8):
                line.moveRight(track.right())
                align = RIGHT
            write(painter, line, clock(n * step, length), size, self.theme.faint, align=align)
