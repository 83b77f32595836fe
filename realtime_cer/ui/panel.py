"""What all panels of the window have in common."""

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QWidget

from realtime_cer.ui.moment import Moment
from realtime_cer.ui.text import ENGLISH, Text
from realtime_cer.ui.theme import DARK, Theme, drawn


class Panel(QWidget):
    """A rounded ground to paint on; ``unit`` is the size of a design pixel, which follows the window.

    Subclasses take what they show in ``show_moment`` and paint it within ``inside``; nothing is painted unless
    something changed, or still moves.
    """

    def __init__(self, parent: QWidget, name: str, padding: int = 14) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The panel fills itself, so that what lies under it need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.unit = 1.0
        self.theme: Theme = DARK
        self.text: Text = ENGLISH
        self._padding = padding

    def dress(self, theme: Theme, text: Text) -> None:
        """Take colours and language."""
        self.theme, self.text = theme, text
        self.update()

    def show_moment(self, moment: Moment) -> None:
        """Take what there is to show."""

    def lift(self) -> None:
        """Lie over other panels, which are seen past the round corners."""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, False)

    def moving(self, now: float) -> bool:
        """Whether something is still on its way to where it belongs; ``now`` is monotonic time in seconds."""
        return False

    def px(self, size: float) -> int:
        """A size of the design, in pixels."""
        return max(round(size * self.unit), 1)

    def inside(self) -> QRectF:
        """Where to paint."""
        pad = self._padding * self.unit
        above = min(pad, self.height() / 8)
        return QRectF(self.rect()).adjusted(pad, above, -pad, -above)

    def drawn(self, colour: str) -> QColor:
        """A colour of the palette, on this panel."""
        return drawn(colour, self.theme)

    def ground(self, painter: QPainter) -> None:
        """Fill the panel."""
        if self.testAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent):
            painter.fillRect(self.rect(), QColor(self.theme.ground))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.panel))
        painter.drawRoundedRect(QRectF(self.rect()), 10 * self.unit, 10 * self.unit)

    def tell(self, text: str) -> None:
        """What the panel shows, in words, for screen readers."""
        if text != self.accessibleName():
            self.setAccessibleName(text)
