"""Which model is responsible for the strongest expression, and what would be said without it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.ui import words
from realtime_cer.ui.easing import Eased
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.theme import dot, fitting, write

_MODELS = dict(zip(MODELS, palette.MODELS, strict=True))


@dataclass(frozen=True, slots=True)
class Because:
    """The class that is explained, each model's share of it in the order of ``MODELS``, and the labels without."""

    label: str | None
    shares: tuple[float, ...]
    without: Mapping[str, str | None]


def because(moment: Moment) -> Because:
    """Why what is shown is the strongest: of the raw row that says it, whose shares these are."""
    decision = moment.explained
    if decision is None:
        return Because(None, (0.0,) * len(MODELS), {})
    best = words.strongest(decision)
    shares = tuple(decision.contributions.get(name, 0.0) for name in MODELS)
    return Because(decision.label or (best[0] if best else None), shares, moment.without)


class WhyView(Panel):
    """The why-bar: one stacked bar, and under it each model with its share and the verdict without it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "why", padding=22)
        self.because = Because(None, (0.0,) * len(MODELS), {})
        self._shares = Eased()

    def show_moment(self, moment: Moment) -> None:
        """Take the shares of the row that explains what is shown."""
        now = because(moment)
        self._shares.aim(now.shares, time.monotonic())
        if now != self.because:
            self.because = now
            self.update()
        parts = [f"{self.text.models[m]} {s * 100:.0f} %" for m, s in zip(MODELS, now.shares, strict=True) if s > 0]
        self.tell(f"{self._title()}: {', '.join(parts) or words.DASH}")

    def moving(self, now: float) -> bool:
        """Whether the shares are."""
        return self._shares.moving(now)

    def _title(self) -> str:
        label = self.because.label
        return self.text.why_of.format(name=words.name(self.text, label)) if label else self.text.why

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint title, bar and legend."""
        painter = QPainter(self)
        self.ground(painter)
        area, theme, small = self.inside(), self.theme, self.px(15)
        title = QRectF(area.left(), area.top(), area.width(), small * 1.5)
        write(painter, title, self._title(), small, theme.dim)
        thick = self.px(16)
        legend = small * 3.1
        middle = (title.bottom() + area.bottom() - legend) / 2
        bar = QRectF(area.left(), max(middle - thick / 2, title.bottom() + 2), area.width(), thick)
        painter.fillRect(bar, QColor(theme.track))
        left = bar.left()
        for name, share in zip(MODELS, self._shares.at(time.monotonic()), strict=False):
            wide = share * bar.width()
            painter.fillRect(QRectF(left, bar.top(), max(wide - 2 * self.unit, 0), thick), self.drawn(_MODELS[name]))
            left += wide
        column = area.width() / len(MODELS)
        for n, name in enumerate(MODELS):
            self._legend(painter, QRectF(area.left() + n * column, area.bottom() - legend, column, legend), n, name)

    def _legend(self, painter: QPainter, area: QRectF, n: int, name: str) -> None:
        theme, small, share = self.theme, self.px(15), self.because.shares[n]
        here = share > 0
        row = QRectF(area.left(), area.top(), area.width(), area.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.drawn(_MODELS[name]) if here else QColor(theme.track))
        painter.drawRoundedRect(QRectF(row.left(), row.center().y() - small * 0.36, small * 0.72, small * 0.72), 2, 2)
        figure = f"{share * 100:.0f} %" if here else words.DASH
        write(
            painter,
            row.adjusted(small * 1.15, 0, 0, 0),
            f"{self.text.models[name]} {figure}",
            small,
            theme.ink if here else theme.faint,
            bold=here,
        )
        if name not in self.because.without:
            return
        label = self.because.without[name]
        called = words.name(self.text, label) if label else ""
        tail = self.text.without_it.format(name=called) if label else self.text.without_abstains
        size = self.px(12.5)
        row = row.translated(0, row.height()).adjusted(0, 0, -self.px(10), 0)
        colour = self.drawn(palette.COMPOUND[COMPOUND.index(label)] if label else palette.QUIET)
        dot(painter, row.left() + small * 0.36, row.center().y(), size * 0.3, colour, filled=label is not None)
        room = row.adjusted(small * 1.15, 0, 0, 0)
        changed = label is not None and label != self.because.label
        ink = theme.ink if changed else theme.faint
        write(painter, room, tail, fitting(tail, room.width(), size, self.px(10), bold=False), ink)
