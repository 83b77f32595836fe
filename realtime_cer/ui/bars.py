"""The basic probabilities of the three models, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.records import Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.theme import DIM, FAINT, INK, RIGHT, Panel, bar, bright, fitting, write

_MODELS = dict(zip(MODELS, palette.MODELS, strict=True))


@dataclass(frozen=True, slots=True)
class Columns:
    """What each model says, (7,) probabilities, and why those that say nothing do not."""

    values: Mapping[str, tuple[float, ...] | None]
    missing: Mapping[str, str]


def columns(snapshot: Snapshot) -> Columns:
    """What the newest decision was made of."""
    models = snapshot.decision.models if snapshot.decision else {}
    values = {name: models.get(name) for name in MODELS}
    return Columns(values, {name: words.missing(name, snapshot) for name in MODELS if values[name] is None})


class ModelsView(Panel):
    """Seven bars for each model; a model that says nothing says why."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "models", padding=16)
        self.columns = Columns({}, {})

    def show_moment(self, snapshot: Snapshot) -> None:
        """Take what the models say."""
        now = columns(snapshot)
        if now == self.columns:
            return
        self.columns = now
        parts = []
        for name in MODELS:
            values = now.values[name]
            best = max(zip(values, BASIC, strict=True)) if values else None
            tell = f"{best[1]} {best[0] * 100:.0f} %" if best else now.missing[name]
            parts.append(f"{words.MODELS[name]}: {tell}")
        self.say("; ".join(parts))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a column for each model, and the names of the emotions left of them."""
        painter = QPainter(self)
        self.ground(painter)
        area = self.inside()
        step = area.height() / (len(BASIC) + 1.25)
        size = max(min(self.px(14), int(step * 0.8)), 1)
        names = size * 6.0
        gap = self.px(20)
        wide = (area.width() - names - gap * len(MODELS)) / len(MODELS)
        rows = [QRectF(area.left(), area.top() + step * (n + 1.25), area.width(), step) for n in range(len(BASIC))]
        for row, name in zip(rows, BASIC, strict=True):
            write(painter, QRectF(row.left(), row.top(), names, row.height()), name, size, DIM)
        for n, model in enumerate(MODELS):
            left = area.left() + names + gap + n * (wide + gap)
            values = self.columns.values.get(model)
            head = QRectF(left, area.top(), wide, step * 1.1)
            said = write(
                painter, head, words.MODELS[model], size, bright(_MODELS[model]) if values else FAINT, bold=True
            )
            if values is None:
                why = self.columns.missing.get(model, "")
                head.setLeft(left + said + size * 0.7)
                write(painter, head, why, fitting(why, head.width(), size, round(size * 0.7), bold=False), FAINT)
            self._column(painter, rows, left, wide, values, size)

    def _column(
        self,
        painter: QPainter,
        rows: list[QRectF],
        left: float,
        wide: float,
        values: tuple[float, ...] | None,
        size: int,
    ) -> None:
        figure = size * 1.9 if wide > size * 5 else 0.0
        strongest = max(values) if values else None
        for n, row in enumerate(rows):
            high = max(min(row.height() * 0.46, 12 * self.unit), 2.0)
            track = QRectF(left, row.center().y() - high / 2, max(wide - figure, 1.0), high)
            bar(painter, track, values[n] if values else 0.0, bright(palette.BASIC[n]))
            if values and figure:
                place = QRectF(left, row.top(), wide, row.height())
                ink = INK if values[n] == strongest else FAINT
                write(painter, place, f"{values[n] * 100:.0f}", round(size * 0.93), ink, align=RIGHT)
