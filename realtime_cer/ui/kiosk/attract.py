"""The calm loop while nobody is there: curves as the program draws them, of nobody."""

import time

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import BASIC, COMPOUND, PAIRS
from realtime_cer.ui.kiosk.dream import curves, leader
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, RIGHT, fitting, write

_SPAN_S = 30.0
_POINTS = 180


class AttractView(Panel):
    """Seven curves that flow to the left, and the name of the one that leads where they come from."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "attract", padding=0)
        self.trouble = ""
        self.at: float | None = None
        """The moment that is drawn, in seconds; None for the clock's."""
        self.spent_s = 0.0
        """How long the last painting took: more on a large screen."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint all of it."""
        begun = time.perf_counter()
        self._paint()
        self.spent_s = time.perf_counter() - begun

    def _paint(self) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now = time.monotonic() if self.at is None else self.at
        edge = 56 * self.unit
        area = QRectF(self.rect()).adjusted(edge, edge * 0.7, -edge, -edge * 0.7)
        head = QRectF(area.left(), area.top(), area.width(), self.px(30))
        x = write(painter, head, "realtime-cer", self.px(20), self.theme.ink, bold=True)
        write(painter, head.adjusted(x + self.px(16), 0, 0, 0), self.text.kiosk.attract, self.px(18), self.theme.dim)
        best, firm = leader(now)
        self._name(painter, area, best, min(firm * 4, 1.0))
        foot = QRectF(area.left(), area.bottom() - self.px(40), area.width(), self.px(40))
        low = foot.top() - self.px(28)
        self._flow(painter, QRectF(area.left(), area.top() + area.height() * 0.40, area.width(), 0), low, now, best)
        invite = self._ink(self.theme.ink, 0.8 + 0.2 * float(np.cos(now * 1.3)))
        write(painter, foot, self.text.kiosk.invite, self.px(26), invite, bold=True, align=CENTRE)
        write(painter, foot, self.text.kiosk.dreamt, self.px(13), self.theme.faint, align=RIGHT)
        if self.trouble:
            write(painter, foot, self.trouble, self.px(13), self.drawn(palette.WARN))

    def _name(self, painter: QPainter, area: QRectF, best: int, strength: float) -> None:
        """The leading expression, large, over the two that it is made of."""
        place = QRectF(area.left(), area.top() + area.height() * 0.13, area.width(), area.height() * 0.15)
        name = self.text.compound[best]
        size = fitting(name, place.width(), self.px(84), self.px(30))
        write(painter, place, name, size, self._ink(self.drawn(palette.COMPOUND[best]), strength), bold=True)
        pair = " + ".join(self.text.basic[BASIC.index(half)] for half in PAIRS[best])
        below = QRectF(place.left(), place.bottom(), place.width(), self.px(34))
        write(painter, below, pair, self.px(24), self._ink(self.theme.dim, strength))

    def _flow(self, painter: QPainter, top: QRectF, low: float, now: float, best: int) -> None:
        """The curves; the past lies left, and fades into the ground."""
        t = np.linspace(now - _SPAN_S, now, _POINTS)
        x = np.linspace(top.left(), top.right() - self.px(10), _POINTS)
        y = low - curves(t) * (low - top.top()) / 0.82
        painter.setPen(QPen(QColor(self.theme.track), max(self.unit, 1.0)))
        painter.drawLine(QPointF(top.left(), low), QPointF(top.right(), low))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for n in (*(k for k in range(len(COMPOUND)) if k != best), best):
            colour = self.drawn(palette.COMPOUND[n])
            pen = QPen(colour, (4.0 if n == best else 2.0) * self.unit)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y[n].tolist(), strict=True)]))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            radius = (8 if n == best else 4) * self.unit
            painter.drawEllipse(QPointF(float(x[-1]), float(y[n, -1])), radius, radius)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        edge = self.px(12)
        old = QRectF(top.left() - edge, top.top() - edge, self.px(220), low - top.top() + edge - max(self.unit, 1.0))
        fading = QLinearGradient(old.topLeft(), old.topRight())
        fading.setColorAt(edge / old.width(), self._ink(self.theme.ground, 1))
        fading.setColorAt(1.0, self._ink(self.theme.ground, 0))
        painter.fillRect(old, fading)

    def _ink(self, colour: QColor | str, strength: float) -> QColor:
        ink = QColor(colour)
        ink.setAlphaF(min(max(strength, 0.0), 1.0))
        return ink
