"""Two panels behind keys: the newest decision in full, and how the program itself does."""

from collections.abc import Sequence

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer.labels import MODELS
from realtime_cer.palette import WARN
from realtime_cer.records import Meters, Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import RIGHT, fitting, width_of, write

Pairs = tuple[tuple[str, str], ...]


def verdict_text(text: Text, label: str | None, reason: str | None) -> str:
    """A verdict on one line, whichever it is."""
    return words.name(text, label) if label else f"{text.abstains}: {words.reason(text, reason)}"


def details(moment: Moment, text: Text) -> Pairs:
    """Names and values of the newest decision: what is shown beside what the row says."""
    decision, shown = moment.snapshot.decision, moment.shown
    if decision is None or shown is None:
        return ()
    ages = [
        f"{text.models[name]} {words.DASH if (age := decision.age_ms.get(name)) is None else f'{age:.0f} ms'}"
        for name in MODELS
    ]
    face = f"{text.face.partition(' ')[0]} {words.DASH}"
    if decision.face is not None:
        x, y, wide, tall = (round(value) for value in decision.face)
        face = text.face_at.format(wide=wide, tall=tall, x=x, y=y)
    smoothing = text.no_smoothing
    if moment.seconds:
        smoothing = text.smoothing.format(seconds=words.number(text, moment.seconds, 1))
    return (
        (text.shown_label, verdict_text(text, shown.label, shown.reason)),
        (text.raw_label, verdict_text(text, decision.label, decision.reason)),
        (text.row, text.row_at.format(seq=decision.seq, t=words.number(text, decision.t, 1))),
        (
            text.how,
            f"{text.heading.format(rule=decision.rule.removeprefix('rule'), weights=decision.weights)} · {smoothing}",
        ),
        (text.ages, ", ".join(ages)),
        _named(face),
        _named(words.engines(text, moment.snapshot)),
    )


def _named(line: str) -> tuple[str, str]:
    """The first word of a line, and the rest of it."""
    name, _, value = line.partition(" ")
    return name, value


def meters_table(meters: Meters, text: Text) -> tuple[tuple[str, ...], ...]:
    """Stage, median, 95th percentile, worst, rate; the first row is the heading."""
    head = (text.stage, "p50", "p95", text.worst, text.per_s)
    rows = (
        (
            text.stages.get(name, name),
            *(words.number(text, value, 1) for value in (one.p50_ms, one.p95_ms, one.worst_ms, one.rate)),
        )
        for name, one in meters.stages.items()
    )
    return (head, *rows)


def meters_facts(snapshot: Snapshot, meters: Meters, text: Text) -> Pairs:
    """Rung, memory, queues, drops with their causes, workers that stand still, and every source with its counters.

    What is the matter with a source stands below it, in English alone.
    """
    queues = ", ".join(f"{text.queues.get(name, name)} {count}" for name, count in meters.queues.items())
    drops = ", ".join(f"{words.cause(text, name)} {count}" for name, count in meters.drops.items() if count)
    facts = [
        (text.rung, f"{meters.rung} · {text.rungs.get(meters.rung_name, meters.rung_name)}"),
        (text.memory, f"{meters.memory_mib:.0f} MiB"),
        (text.queue, queues or text.none),
        (text.drops, drops or text.none),
        (text.stalled, ", ".join(text.workers.get(name, name) for name in meters.stalled) or text.none),
    ]
    for one in snapshot.sources:
        counts = f"{text.frames_in.format(count=one.frames)}, {text.lost.format(count=one.dropped)}"
        facts.append((text.kinds.get(one.kind, one.kind), f"{text.states.get(one.state, one.state)} · {counts}"))
        if why := words.trouble(one):
            facts.append((text.why, why))
    return tuple(facts)


class DetailsView(Panel):
    """The newest decision in full."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "details", padding=18)
        self.pairs: Pairs = ()

    def show_moment(self, moment: Moment) -> None:
        """Take the newest row."""
        self.pairs = details(moment, self.text)
        self.tell("; ".join(f"{name} {value}" for name, value in self.pairs))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint names and values."""
        painter = QPainter(self)
        self.ground(painter)
        area = self.inside()
        title = QRectF(area.left(), area.top(), area.width(), self.px(22))
        write(painter, title, self.text.details, self.px(14), self.theme.ink, bold=True)
        _pairs(self, painter, area.adjusted(0, self.px(28), 0, 0), self.pairs)


class MetersView(Panel):
    """How long everything takes, what waits, what was lost and why."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "meters", padding=18)
        self.table: tuple[tuple[str, ...], ...] = ()
        self.facts: Pairs = ()
        self._warn: frozenset[str] = frozenset()

    def show_moment(self, moment: Moment) -> None:
        """Take the newest meters."""
        snapshot, meters = moment.snapshot, moment.snapshot.meters
        if meters is None:
            self.table, self.facts, self._warn = (), (), frozenset()
            self.tell(self.text.no_meters)
        else:
            self.table, self.facts = meters_table(meters, self.text), meters_facts(snapshot, meters, self.text)
            rung = {self.text.rung} if meters.rung else set()
            self._warn = frozenset(rung | ({self.text.stalled} if meters.stalled else set()))
            rows = [" ".join(row) for row in self.table]
            self.tell("; ".join((*rows, *(f"{name} {value}" for name, value in self.facts))))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the table at the left, and the rest beside it."""
        painter = QPainter(self)
        self.ground(painter)
        area, theme = self.inside(), self.theme
        title = QRectF(area.left(), area.top(), area.width(), self.px(22))
        write(painter, title, self.text.meters, self.px(14), theme.ink, bold=True)
        area.adjust(0, self.px(28), 0, 0)
        if not self.table:
            write(
                painter,
                QRectF(area.left(), area.top(), area.width(), self.px(22)),
                self.text.no_meters,
                self.px(13),
                theme.dim,
            )
            return
        left = QRectF(area.left(), area.top(), area.width() * 0.5, area.height())
        step = min(area.height() / len(self.table), self.px(21))
        size = max(min(self.px(13), int(step * 0.72)), 1)
        name = max(width_of(row[0], size) for row in self.table) + size
        column = (left.width() - name) / (len(self.table[0]) - 1)
        for n, row in enumerate(self.table):
            top = left.top() + n * step
            ink = theme.faint if n == 0 else theme.ink
            write(painter, QRectF(left.left(), top, name, step), row[0], size, theme.faint if n == 0 else theme.dim)
            for k, value in enumerate(row[1:]):
                place = QRectF(left.left() + name + k * column, top, column, step)
                write(painter, place, value, size, ink, align=RIGHT)
        _pairs(self, painter, area.adjusted(left.width() + self.px(34), 0, 0, 0), self.facts, self._warn)


def _pairs(
    panel: Panel, painter: QPainter, area: QRectF, pairs: Sequence[tuple[str, str]], warn: frozenset[str] = frozenset()
) -> None:
    """Names in a column, values beside them; those to be looked at stand out."""
    if not pairs:
        return
    step = min(area.height() / len(pairs), panel.px(24))
    size = max(min(panel.px(13), int(step * 0.72)), 1)
    names = max(width_of(name, size) for name, _ in pairs) + size * 1.4
    for n, (name, value) in enumerate(pairs):
        top = area.top() + n * step
        write(painter, QRectF(area.left(), top, names, step), name, size, panel.theme.faint)
        room = QRectF(area.left() + names, top, area.width() - names, step)
        fits = fitting(value, room.width(), size, max(round(size * 0.8), 1), bold=False)
        write(painter, room, value, fits, panel.drawn(WARN) if name in warn else panel.theme.ink)
