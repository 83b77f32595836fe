"""The basic probabilities of the three models, side by side."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.ui import words
from realtime_cer.ui.easing import Eased
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import RIGHT, bar, fitting, width_of, write

_MODELS = dict(zip(MODELS, palette.MODELS, strict=True))
_NOTHING = (0.0,) * len(BASIC)


@dataclass(frozen=True, slots=True)
class Columns:
    """What each model says, (7,) smoothed probabilities, and why those that say nothing do not."""

    values: Mapping[str, tuple[float, ...] | None]
    missing: Mapping[str, str]


def columns(moment: Moment, text: Text) -> Columns:
    """What the newest decision was made of."""
    models = moment.shown.models if moment.shown else {}
    values = {name: models.get(name) for name in MODELS}
    missing = {name: words.missing(text, name, moment.snapshot) for name in MODELS if values[name] is None}
    return Columns(values, missing)


class ModelsView(Panel):
    """Seven bars for each model; a model that says nothing says why."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "models", padding=18)
        self.columns = Columns({}, {})
        self._bars = Eased()

    def show_moment(self, moment: Moment) -> None:
        """Take what the models say."""
        now = columns(moment, self.text)
        if now != self.columns:
            self.columns = now
            self._bars.aim([p for name in MODELS for p in now.values[name] or _NOTHING], time.monotonic())
            self.update()
        parts = []
        for name in MODELS:
            values = now.values[name]
            best = max(zip(values, self.text.basic, strict=True)) if values else None
            tell = f"{best[1]} {best[0] * 100:.0f} %" if best else now.missing[name]
            parts.append(f"{self.text.models[name]}: {tell}")
        self.tell("; ".join(parts))

    def moving(self, now: float) -> bool:
        """Whether the bars are."""
        return self._bars.moving(now)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a column for each model, and the names of the emotions left of them."""
        painter = QPainter(self)
        self.ground(painter)
        area, theme = self.inside(), self.theme
        step = area.height() / (len(BASIC) + 1.2)
        size = max(min(self.px(14), int(step * 0.75)), 1)
        names = max(width_of(name, size) for name in self.text.basic) + size
        gap = self.px(16)
        wide = (area.width() - names - gap * (len(MODELS) - 1)) / len(MODELS)
        rows = [QRectF(area.left(), area.top() + step * (n + 1.2), area.width(), step) for n in range(len(BASIC))]
        for row, name in zip(rows, self.text.basic, strict=True):
            write(painter, QRectF(row.left(), row.top(), names, row.height()), name, size, theme.dim)
        at = self._bars.at(time.monotonic()) or _NOTHING * len(MODELS)
        for n, model in enumerate(MODELS):
            left = area.left() + names + n * (wide + gap)
            values = self.columns.values.get(model)
            head = QRectF(left, area.top(), wide, step)
            key = QRectF(left, head.center().y() - size * 0.36, size * 0.72, size * 0.72)
            painter.fillRect(key, self.drawn(_MODELS[model]) if values else QColor(theme.track))
            head.setLeft(left + size * 1.15)
            ink = theme.ink if values else theme.faint
            write(painter, head, self.text.models[model], size, ink, bold=True)
            if values is not None:
                part = at[n * len(BASIC) : (n + 1) * len(BASIC)]
                self._column(painter, rows, left, wide, values, part, size)
            else:
                why = self.columns.missing.get(model, "")
                room = QRectF(left, rows[0].top(), wide, step)
                write(painter, room, why, fitting(why, wide, size, round(size * 0.75), bold=False), theme.dim)

    def _column(
        self,
        painter: QPainter,
        rows: list[QRectF],
        left: float,
        wide: float,
        values: tuple[float, ...],
        at: tuple[float, ...],
        size: int,
    ) -> None:
        """The bars where they are at this moment, and the figures of where they are going."""
        figure = size * 1.9 if wide > size * 5 else 0.0
        strongest = max(values)
        for n, row in enumerate(rows):
            high = max(min(row.height() * 0.5, 11 * self.unit), 2.0)
            track = QRectF(left, row.center().y() - high / 2, max(wide - figure, 1.0), high)
            bar(painter, track, at[n], self.drawn(palette.BASIC[n]), self.theme.track)
            if figure:
                place = QRectF(left, row.top(), wide, row.height())
                ink = self.theme.ink if values[n] == strongest else self.theme.faint
                write(painter, place, f"{values[n] * 100:.0f}", round(size * 0.93), ink, align=RIGHT)
