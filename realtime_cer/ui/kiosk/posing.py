"""Pose it: what is asked for, how well it matches, what the program saw, and the room's matrix."""

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.kiosk.posing import CONFIRM_S, NONE, POSE_S, READY_S, Posing
from realtime_cer.kiosk.room import SAID, Room
from realtime_cer.labels import BASIC, COMPOUND, PAIRS
from realtime_cer.ui.easing import Eased
from realtime_cer.ui.kiosk.notice import paint_cap
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, bar, fitting, width_of, write
from realtime_cer.ui.words import number

_SPANS = {"ready": READY_S, "pose": POSE_S, "confirm": CONFIRM_S}


class PoseView(Panel):
    """The game beside the picture.

    Parameters
    ----------
    parent : the kiosk
    posing : the rounds
    room : what was counted so far
    clock : of the rounds
    """

    def __init__(self, parent: QWidget, posing: Posing, room: Room, clock: Callable[[], float]) -> None:
        super().__init__(parent, "pose", padding=30)
        self._clock = clock
        self.posing, self.room = posing, room
        self._match = Eased()
        self._match.aim((0.0,), 0.0)

    def refresh(self) -> None:
        """Paint what the round has come to."""
        self._match.aim((self.posing.match,), self._clock())
        self.tell(f"{self._kicker()} {self.text.compound[self.posing.asked]}")
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint question, course and matrix."""
        painter = QPainter(self)
        self.ground(painter)
        area, posing, text = self.inside(), self.posing, self.text
        colour = self.drawn(palette.COMPOUND[posing.asked])
        y = area.top()
        write(painter, QRectF(area.left(), y, area.width(), self.px(28)), self._kicker(), self.px(19), self.theme.dim)
        y += self.px(34)
        name = text.compound[posing.asked]
        size = fitting(name, area.width(), self.px(46), self.px(16))
        write(painter, QRectF(area.left(), y, area.width(), self.px(58)), name, size, colour, bold=True)
        y += self.px(60)
        pair = " + ".join(text.basic[BASIC.index(half)] for half in PAIRS[posing.asked])
        write(painter, QRectF(area.left(), y, area.width(), self.px(28)), pair, self.px(20), self.theme.dim)
        y += self.px(52)
        grid = min(area.height() * 0.42, area.width() * 0.62)
        course = QRectF(area.left(), y, area.width(), max(area.bottom() - grid - y - self.px(16), 8.0))
        if posing.phase in ("confirm", "thanks", "over"):
            self._question(painter, course)
        else:
            self._course(painter, course, colour)
        self._matrix(painter, QRectF(area.left(), area.bottom() - grid, area.width(), grid))

    def _kicker(self) -> str:
        text, posing = self.text.kiosk, self.posing
        if posing.phase == "ready":
            return text.ready
        if posing.phase == "pose":
            return text.now
        return text.pose if posing.counted is None else text.counted if posing.counted else text.left_out

    def _course(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        """A ring that empties with the time that is left, and the match."""
        now = self._clock()
        posing, left = self.posing, self.posing.left_s(now)
        radius = min(self.px(46), area.height() * 0.34)
        centre = QPointF(area.left() + radius + self.px(4), area.top() + radius + self.px(4))
        self._ring(painter, centre, radius, left / _SPANS.get(posing.phase, 1.0), colour)
        figure = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        write(painter, figure, f"{left + 0.95:.0f}", round(radius), self.theme.ink, bold=True, align=CENTRE)
        if posing.phase != "pose":
            return
        x = centre.x() + radius + self.px(26)
        row = QRectF(x, centre.y() - self.px(28), area.right() - x, self.px(26))
        share = self._match.at(now)[0]
        told = f"{self.text.kiosk.match} {number(self.text, share, 2)}"
        write(painter, row, told, self.px(20), self.theme.ink, bold=True)
        bar(painter, QRectF(x, centre.y() + self.px(6), row.width(), self.px(14)), share, colour, self.theme.track)

    def _ring(self, painter: QPainter, centre: QPointF, radius: float, share: float, colour: QColor) -> None:
        around = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(QColor(self.theme.track), 7 * self.unit, cap=Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawEllipse(around)
        pen.setColor(colour)
        painter.setPen(pen)
        painter.drawArc(around, 90 * 16, round(360 * 16 * share))

    def _question(self, painter: QPainter, area: QRectF) -> None:
        """What the program saw, and what the visitor is asked."""
        posing, text, size = self.posing, self.text.kiosk, self.px(20)
        if posing.said is None:
            return
        row = QRectF(area.left(), area.top(), area.width(), size * 1.5)
        x = write(painter, row, f"{text.saw}  ", size, self.theme.dim)
        named = posing.said != NONE
        said = self.text.compound[posing.said] if named else text.saw_none
        ink = self.drawn(palette.COMPOUND[posing.said]) if named else QColor(self.theme.dim)
        room = row.adjusted(x, 0, 0, 0)
        write(painter, room, said, fitting(said, room.width(), size, self.px(12)), ink, bold=named)
        if posing.phase != "confirm":
            return
        ask = text.asked.format(name=self.text.compound[posing.asked])
        row.translate(0, size * 2.1)
        write(painter, row, ask, fitting(ask, row.width(), size, self.px(12)), self.theme.ink, bold=True)
        row.translate(0, size * 2.1)
        x = row.left()
        for key, answer in ((text.yes_key, text.yes), (text.no_key, text.no)):
            cap = QRectF(x, row.top() - size * 0.2, size * 1.9, size * 1.9)
            paint_cap(painter, cap, key, size, self)
            place = QRectF(cap.right() + size * 0.5, row.top(), row.right() - cap.right(), row.height())
            x = place.left() + write(painter, place, answer, size, self.theme.ink) + size * 1.6

    def _matrix(self, painter: QPainter, area: QRectF) -> None:
        """The room so far: asked downwards, said to the right, the last column for abstention."""
        text, room, small = self.text.kiosk, self.room, self.px(15)
        told = text.room.format(agreed=room.agreed, total=room.total) if room.total else text.room_empty
        head = QRectF(area.left(), area.top(), area.width(), small * 1.8)
        write(painter, head, told, small, self.theme.dim)
        dots = small * 1.1
        side = min((area.bottom() - head.bottom() - dots) / len(COMPOUND), (area.width() - dots) / len(SAID))
        gap = max(side * 0.08, 1.0)
        most = max(max(row) for row in room.counts) or 1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for n in range(len(SAID)):
            ink = self.drawn(palette.COMPOUND[n] if n < NONE else palette.QUIET)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            x = area.left() + dots + (n + 0.5) * side
            painter.drawEllipse(QPointF(x, head.bottom() + dots * 0.4), small * 0.28, small * 0.28)
            if n < NONE:
                y = head.bottom() + dots + (n + 0.5) * side
                painter.drawEllipse(QPointF(area.left() + dots * 0.35, y), small * 0.28, small * 0.28)
        names = area.left() + dots + len(SAID) * side + small
        for asked, row in enumerate(room.counts):
            place = QRectF(names, head.bottom() + dots + asked * side, area.right() - names, side - gap)
            write(painter, place, self.text.compound[asked], min(small, round(side * 0.6)), self.theme.faint)
            for said, count in enumerate(row):
                cell = QRectF(
                    area.left() + dots + said * side, head.bottom() + dots + asked * side, side - gap, side - gap
                )
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(self.theme.track))
                painter.drawRoundedRect(cell, gap * 2, gap * 2)
                if count:
                    shade = QColor(self.drawn(palette.COMPOUND[asked] if said == asked else palette.QUIET))
                    shade.setAlphaF(0.25 + 0.75 * count / most)
                    painter.setBrush(shade)
                    painter.drawRoundedRect(cell, gap * 2, gap * 2)
                    size = min(round(side * 0.5), self.px(17))
                    write(painter, cell, str(count), size, self.theme.ink, bold=True, align=CENTRE)


class StripView(Panel):
    """The keys that a visitor may press, at the lower edge."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "strip", padding=0)
        self.keys: tuple[tuple[str, str], ...] = ()

    def set_keys(self, *keys: tuple[str, str]) -> None:
        """Caps, and what they do."""
        if keys != self.keys:
            self.keys = keys
            self.tell(", ".join(f"{cap}: {told}" for cap, told in keys))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint them in one centred line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        size = self.px(18)
        caps = [max(width_of(cap, size, True) + size, size * 1.8) for cap, _ in self.keys]
        words = [width_of(told, size) + 1 for _, told in self.keys]
        gap, apart = size * 0.6, size * 2.4
        x = (self.width() - sum(caps) - sum(words) - gap * len(caps) - apart * (len(caps) - 1)) / 2
        for (cap, told), key, word in zip(self.keys, caps, words, strict=True):
            paint_cap(painter, QRectF(x, (self.height() - size * 1.8) / 2, key, size * 1.8), cap, size, self)
            write(painter, QRectF(x + key + gap, 0, word, self.height()), told, size, self.theme.dim)
            x += key + gap + word + apart
