"""How the window looks: grounds, inks, letters, and the few shapes that its panels are painted with."""

from functools import cache
from typing import Final

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PyQt6.QtWidgets import QWidget

GROUND: Final = "#0e1116"
"""Behind everything."""

PANEL: Final = "#161b22"
"""Of a panel."""

TRACK: Final = "#262d37"
"""Of an empty bar, and lines of a grid."""

INK: Final = "#eef1f5"
DIM: Final = "#a4adb9"
FAINT: Final = "#6f7985"

_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans"]

LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE: Final = Qt.AlignmentFlag.AlignCenter


@cache
def font(pixels: int, bold: bool = False) -> QFont:
    """Letters of a height in pixels."""
    made = QFont()
    made.setFamilies(_FAMILIES)
    made.setPixelSize(max(pixels, 1))
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


@cache
def bright(colour: str) -> QColor:
    """A colour of the palette as it is drawn on a dark ground, with a contrast of 4.9 to 1 at least.

    All are changed in the same way, so that those that differ still do.
    """
    shade = QColor(colour)
    h, s, v, _ = shade.getHsvF()
    return QColor.fromHsvF(h or 0.0, (s or 0.0) * 0.85, min((v or 0.0) * 1.18 + 0.04, 1.0))


def faded(colour: QColor) -> QColor:
    """A colour that stays back, on a panel. Mixed here: to paint with alpha costs more."""
    ground = QColor(PANEL)
    mixed = [
        round(0.8 * a + 0.2 * b)
        for a, b in zip(colour.getRgb()[:3], ground.getRgb()[:3], strict=True)
        if a is not None and b is not None
    ]
    return QColor(*mixed)


class Panel(QWidget):
    """A rounded ground to paint on; ``unit`` is the size of a design pixel, which follows the window.

    Subclasses paint in ``draw``, within ``inside``; nothing here is drawn unless something changed.
    """

    def __init__(self, parent: QWidget, name: str, padding: int = 14) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The panel fills itself, so that what lies under it need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.unit = 1.0
        self._padding = padding

    def px(self, size: float) -> int:
        """A size of the design, in pixels."""
        return max(round(size * self.unit), 1)

    def inside(self) -> QRectF:
        """Where to paint."""
        pad = self._padding * self.unit
        above = min(pad, self.height() / 8)
        return QRectF(self.rect()).adjusted(pad, above, -pad, -above)

    def ground(self, painter: QPainter) -> None:
        """Fill the panel."""
        painter.fillRect(self.rect(), QColor(GROUND))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(PANEL))
        painter.drawRoundedRect(QRectF(self.rect()), 10 * self.unit, 10 * self.unit)

    def say(self, text: str) -> None:
        """What the panel shows, in words, for screen readers."""
        if text != self.accessibleName():
            self.setAccessibleName(text)


def write(
    painter: QPainter,
    rect: QRectF,
    text: str,
    pixels: int,
    colour: str | QColor,
    *,
    bold: bool = False,
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """One line of text, cut off with an ellipsis where it does not fit; gives its width."""
    if rect.width() < 4 or rect.height() < 3 or not text:
        return 0.0
    letters = font(pixels, bold)
    metrics = QFontMetricsF(letters)
    wide = metrics.horizontalAdvance(text)
    if wide > rect.width() + 1:
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width() + 1)
        wide = metrics.horizontalAdvance(text)
    painter.setFont(letters)
    painter.setPen(QColor(colour))
    painter.drawText(rect, int(align), text)
    return wide


def width_of(text: str, pixels: int, bold: bool = False) -> float:
    """How wide a text is."""
    return QFontMetricsF(font(pixels, bold)).horizontalAdvance(text)


def fitting(text: str, width: float, largest: int, smallest: int, bold: bool = True) -> int:
    """The largest letters in which a text fits into a width."""
    wide = width_of(text, largest, bold)
    return largest if wide <= width else max(int(largest * width / wide), smallest)


def bar(painter: QPainter, rect: QRectF, share: float, colour: str | QColor) -> None:
    """A bar over its track; ``share`` is cut to [0, 1]."""
    radius = min(rect.height() / 2, 3.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(TRACK))
    painter.drawRoundedRect(rect, radius, radius)
    wide = rect.width() * min(max(share, 0.0), 1.0)
    if wide >= 1:
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(rect.left(), rect.top(), wide, rect.height()), radius, radius)


def dot(painter: QPainter, x: float, y: float, radius: float, colour: str | QColor, *, filled: bool = True) -> None:
    """A round light at a centre."""
    painter.setPen(Qt.PenStyle.NoPen if filled else QColor(colour))
    painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(x - radius, y - radius, 2 * radius, 2 * radius))
