"""How the window looks: grounds, inks, letters, and the few shapes that its panels are painted with."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from realtime_cer.palette import ON_LIGHT


@dataclass(frozen=True, slots=True)
class Theme:
    """Grounds and inks, "#rrggbb".

    Attributes
    ----------
    ground : behind everything
    panel : of a panel
    track : of an empty bar, and lines of a grid
    ink, dim, faint : of letters, first to last in weight
    calm : of abstention where classes have colours
    band : lies behind the curves where the program abstained
    """

    name: str
    ground: str
    panel: str
    track: str
    ink: str
    dim: str
    faint: str
    calm: str
    band: str


DARK: Final = Theme("dark", "#0e1116", "#161b22", "#262d37", "#eef1f5", "#a4adb9", "#818b98", "#59616d", "#22272f")
LIGHT: Final = Theme("light", "#e9ecf0", "#ffffff", "#dde1e7", "#12161b", "#47505c", "#656e7a", "#aab2bc", "#eff1f4")
THEMES: Final = {theme.name: theme for theme in (DARK, LIGHT)}

FAINT: Final = DARK.faint

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
def drawn(colour: str, theme: Theme) -> QColor:
    """A colour of the palette as it is drawn on the panels of a theme.

    On a dark ground all are made brighter in the same way, so that those that differ still do, with a contrast of 4.9
    to 1 at least; for a light one the palette has colours of its own.
    """
    if theme is not DARK:
        return QColor(ON_LIGHT[colour])
    shade = QColor(colour)
    h, s, v, _ = shade.getHsvF()
    return QColor.fromHsvF(h or 0.0, (s or 0.0) * 0.85, min((v or 0.0) * 1.18 + 0.04, 1.0))


@cache
def faded(colour: str, theme: Theme) -> QColor:
    """The same colour where it stays back. Mixed here: to paint with alpha costs more."""
    strong, ground = drawn(colour, theme), QColor(theme.panel)
    mixed = [
        round(0.75 * a + 0.25 * b)
        for a, b in zip(strong.getRgb()[:3], ground.getRgb()[:3], strict=True)
        if a is not None and b is not None
    ]
    return QColor(*mixed)


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
    wide = width_of(text, pixels, bold)
    if wide > rect.width() + 1:
        metrics = QFontMetricsF(letters)
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


def bar(painter: QPainter, rect: QRectF, share: float, colour: str | QColor, track: str) -> None:
    """A bar over its track; ``share`` is cut to [0, 1]."""
    radius = min(rect.height() / 2, 3.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(track))
    painter.drawRoundedRect(rect, radius, radius)
    wide = rect.width() * min(max(share, 0.0), 1.0)
    if wide >= 1:
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(rect.left(), rect.top(), wide, rect.height()), radius, radius)


def dot(painter: QPainter, x: float, y: float, radius: float, colour: str | QColor, *, filled: bool = True) -> None:
    """A round light at a centre."""
    painter.setPen(Qt.PenStyle.NoPen if filled else QPen(QColor(colour), max(radius / 5, 1.0)))
    painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(x - radius, y - radius, 2 * radius, 2 * radius))
