"""What visitors are told before anything is shown, and what they are told when they are forgotten."""

from typing import Final

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from realtime_cer.palette import GOOD
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import CENTRE, font, width_of, write

_WRAP: Final = int(Qt.TextFlag.TextWordWrap)


class NoticeView(Panel):
    """The notice, and the two ways to agree; whatever is written there, all of it fits.

    Parameters
    ----------
    parent : the kiosk
    own : the operator's notice; None for the catalogue's
    """

    def __init__(self, parent: QWidget, own: str | None) -> None:
        super().__init__(parent, "notice", padding=0)
        self._own = own
        self.consent = 0.0

    def set_consent(self, share: float) -> None:
        """How much of the gesture is done."""
        if share != self.consent:
            self.consent = share
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        heading, _, body = (self._own or self.text.kiosk.notice).strip().partition("\n")
        self.tell(f"{heading} {' '.join(body.split())} {self.text.kiosk.gesture} {self.text.kiosk.agree}")
        wide = min(880 * self.unit, self.width() * 0.88)
        left, top = (self.width() - wide) / 2, self.height() * 0.075
        ways = QRectF(left, self.height() * 0.76, wide, self.height() * 0.18)
        title = QRectF(left, top, wide, self.px(56))
        write(painter, title, heading, self.px(38), self.theme.ink, bold=True)
        self._body(
            painter,
            QRectF(left, title.bottom() + self.px(20), wide, ways.top() - title.bottom() - self.px(40)),
            body.strip(),
        )
        self._ways(painter, ways)

    def _body(self, painter: QPainter, area: QRectF, body: str) -> None:
        """Paragraphs in the largest letters in which they fit."""
        parts = [" ".join(part.split()) for part in body.split("\n\n") if part.strip()]
        for size in range(self.px(24), 5, -1):
            metrics, gap = QFontMetricsF(font(size)), size * 0.75
            tall = [metrics.boundingRect(QRectF(0, 0, area.width(), 1e6), _WRAP, part).height() for part in parts]
            if sum(tall) + gap * len(parts) <= area.height():
                break
        painter.setFont(font(size))
        painter.setPen(QColor(self.theme.dim))
        y = area.top()
        for part, high in zip(parts, tall, strict=True):
            painter.drawText(QRectF(area.left(), y, area.width(), high + 1), _WRAP, part)
            y += high + gap

    def _ways(self, painter: QPainter, area: QRectF) -> None:
        """A face whose ring fills while the gesture is held, the key, and how to decline."""
        text, unit = self.text.kiosk, self.unit
        line = QRectF(area.left(), area.top(), area.width(), 92 * unit)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.panel))
        painter.drawRoundedRect(line, 14 * unit, 14 * unit)
        size = self.px(19)
        x = line.left() + 52 * unit
        self._face(painter, QPointF(x, line.center().y()), 30 * unit)
        x += 48 * unit
        told = QRectF(x, line.top(), line.right() - x, line.height())
        x += write(painter, told, text.gesture, size, self.theme.ink, bold=True) + 34 * unit
        cap = width_of(text.space, size, True) + 36 * unit
        key = QRectF(x, line.center().y() - 21 * unit, cap, 42 * unit)
        paint_cap(painter, key, text.space, size, self)
        rest = QRectF(key.right() + 16 * unit, line.top(), line.right() - key.right() - 20 * unit, line.height())
        write(painter, rest, text.agree, size, self.theme.ink)
        below = QRectF(line.left(), line.bottom(), line.width(), 40 * unit)
        write(painter, below, text.decline, self.px(16), self.theme.faint)

    def _face(self, painter: QPainter, centre: QPointF, radius: float) -> None:
        """The gesture as a picture: a round face with an open mouth."""
        pen = QPen(QColor(self.theme.calm), 4 * self.unit, cap=Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, radius, radius)
        if self.consent > 0:
            pen.setColor(self.drawn(GOOD))
            painter.setPen(pen)
            around = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
            painter.drawArc(around, 90 * 16, round(-360 * 16 * self.consent))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.ink))
        for side in (-0.36, 0.36):
            painter.drawEllipse(centre + QPointF(side * radius, -0.28 * radius), radius * 0.11, radius * 0.11)
        painter.drawEllipse(centre + QPointF(0, 0.34 * radius), radius * 0.25, radius * 0.34)


class FarewellView(Panel):
    """Says that everything is wiped."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "farewell", padding=0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint two lines in the middle."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.ground))
        middle, wide = self.height() * 0.46, float(self.width())
        self.tell(self.text.kiosk.wiped)
        head = QRectF(0, middle - self.px(40), wide, self.px(60))
        write(painter, head, self.text.kiosk.wiped, self.px(44), self.theme.ink, bold=True, align=CENTRE)
        below = QRectF(0, head.bottom(), wide, self.px(40))
        write(painter, below, self.text.kiosk.wiped_why, self.px(20), self.theme.dim, align=CENTRE)


def paint_cap(painter: QPainter, place: QRectF, text: str, size: int, panel: Panel) -> None:
    """A key with what is printed on it."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(panel.theme.track))
    painter.drawRoundedRect(place, 7 * panel.unit, 7 * panel.unit)
    write(painter, place, text, size, panel.theme.ink, bold=True, align=CENTRE)
