"""The loudspeaker that is pressed to hear a session, or not to."""

from typing import Final

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF

_BODY: Final = ((0.05, 0.36), (0.22, 0.36), (0.48, 0.14), (0.48, 0.86), (0.22, 0.64), (0.05, 0.64))
_CROSS: Final = (((0.62, 0.36), (0.9, 0.64)), ((0.62, 0.64), (0.9, 0.36)))
_REACHES: Final = (0.18, 0.36)
_SIXTEENTHS: Final = 16
"""Of a degree: what Qt counts angles in."""


def draw_speaker(painter: QPainter, area: QRectF, colour: str, *, on: bool) -> None:
    """Paint it into a square: with waves where something is heard, with a cross where not."""

    def at(x: float, y: float) -> QPointF:
        return QPointF(area.left() + x * area.width(), area.top() + y * area.height())

    ink = QColor(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPolygon(QPolygonF([at(x, y) for x, y in _BODY]))
    painter.setPen(QPen(ink, max(area.width() / 12, 1.0)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if on:
        for reach in _REACHES:
            wave = QRectF(at(0.52 - reach, 0.5 - reach), at(0.52 + reach, 0.5 + reach))
            painter.drawArc(wave, -45 * _SIXTEENTHS, 90 * _SIXTEENTHS)
    else:
        for begin, end in _CROSS:
            painter.drawLine(at(*begin), at(*end))
