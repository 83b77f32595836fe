"""Which parts of the terminal view fit, and where they go. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from realtime_cer.palette import GOOD
from realtime_cer.records import Snapshot
from realtime_cer.ui import panels, words
from realtime_cer.ui.cells import plain_ascii, preview, preview_size
from realtime_cer.ui.panels import Lines
from realtime_cer.ui.text import ENGLISH
from realtime_cer.ui.text import Text as Words

_WIDE = 110
_ROOMY = 70
_LEAST_RIGHT = 44
_MOST_LEFT = 100
_GUTTER = 4
_MOST_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Heading:
    """What does not change while the view is open."""

    title: str
    rule: str
    weights: str
    text: Words = ENGLISH
    seconds: float = 0.0

    def how(self, snapshot: Snapshot) -> str:
        """How is decided, as the newest row says, and how much is smoothed."""
        row, text = snapshot.decision, self.text
        rule, weights = (row.rule.removeprefix("rule"), row.weights) if row else (self.rule, self.weights)
        how = text.heading.format(rule=rule, weights=weights)
        return f"{how} · {text.smoothing.format(seconds=words.number(text, self.seconds, 1))}" if self.seconds else how


@dataclass(slots=True)
class Screen:
    """Lines of text, and pictures over them: row, column, and rows with escape codes."""

    lines: Lines
    pictures: list[tuple[int, int, list[str]]] = field(default_factory=list)


def draw(
    snapshot: Snapshot,
    heading: Heading,
    width: int,
    height: int,
    *,
    colour: bool = True,
    pictures: bool = False,
    ascii_only: bool = False,
    without: Mapping[str, str | None] | None = None,
) -> Screen:
    """Lay out a snapshot on ``width`` by ``height`` cells; nothing is longer or higher than that.

    Parameters
    ----------
    snapshot, heading : what to show
    width, height : size of the terminal
    colour : whether the terminal shows colours at all; textures take their place
    pictures : whether it shows enough colours for a preview
    ascii_only : whether it lacks everything but ASCII
    without : what the label would have been without each model
    """
    text = heading.text
    colour = colour and not ascii_only
    margin = 2 if width >= _WIDE else 1 if width >= _ROOMY else 0
    inside = width - 2 * margin
    lines = panels.header(heading.title, heading.how(snapshot), inside)
    # A blank line under the title where there is room.
    lines += [Text()] if height > 20 else []
    room = height - len(lines)
    shown: list[tuple[int, int, list[str]]] = []
    if width >= _WIDE:
        largest = panels.largest(text)
        left_width = largest if inside >= largest + _GUTTER + _LEAST_RIGHT else inside // 2
        left_width = max(left_width, min(inside // 2, _MOST_LEFT))
        right_width = inside - left_width - _GUTTER
        wants_picture = pictures and not ascii_only and snapshot.frame is not None and room >= 20
        left = _stack(
            _left(snapshot, text, left_width, without or {}, models=wants_picture, colour=colour), _LEFT_ORDER, room
        )
        cells = _preview(snapshot, right_width, room - 10) if wants_picture else []
        if cells:
            shown.append((len(lines), margin + left_width + _GUTTER, cells))
        space = [Text() for _ in cells]
        below = _stack(_right(snapshot, text, right_width, models=not wants_picture), _RIGHT_ORDER, room - len(space))
        lines += _beside(left, [*space, *below], left_width)
    else:
        lines += _stack(_single(snapshot, text, inside, without or {}, colour=colour), _SINGLE_ORDER, room)
    for line in lines:
        line.truncate(inside, overflow="ellipsis")
        line.pad_left(margin)
        if ascii_only:
            plain_ascii(line)
    return Screen(lines[:height], shown)


Variants = Sequence[Lines]
_GAP: Variants = ([Text()],)

# Each name raises its part by one variant, as far as there is room: first what matters most.
_LEFT_ORDER = (
    "verdict",
    "compound",
    "why",
    "models",
    "why",
    *("why",) * 3,
    "gap1",
    "gap2",
    "gap3",
    "verdict",
    "models",
)
_RIGHT_ORDER = (
    "picture",
    "sound",
    "people",
    "sources",
    "statistics",
    "engines",
    "sources",
    "models",
    "gap1",
    "gap2",
    "gap3",
    "models",
)
_SINGLE_ORDER = (
    *("verdict", "compound", "statistics", "why", "picture", "sound", "people", "sources", "models", "why", "sources"),
    *("engines", *("why",) * 3, "gap1", "gap2", "gap3", "gap4", "models", "verdict"),
)


def _left(
    snapshot: Snapshot, text: Words, width: int, without: Mapping[str, str | None], *, models: bool, colour: bool
) -> dict[str, Variants]:
    return {
        "verdict": (panels.verdict(snapshot, text, width, big=False), panels.verdict(snapshot, text, width, big=True)),
        "gap1": _GAP,
        "compound": (panels.compound(snapshot.decision, text, width),),
        "gap2": _GAP,
        "why": _growing(panels.why(snapshot.decision, text, width, without, colour=colour)),
        "gap3": _GAP if models else (),
        "models": _models(snapshot, text, width) if models else (),
    }


def _right(snapshot: Snapshot, text: Words, width: int, *, models: bool) -> dict[str, Variants]:
    return {
        "models": _models(snapshot, text, width) if models else (),
        "gap1": _GAP,
        "picture": (panels.picture(snapshot, text, width),),
        "sound": (panels.sound(snapshot, text, width),),
        "people": (panels.people(snapshot, text, width),),
        "gap2": _GAP,
        "sources": _sources(snapshot, text, width),
        "gap3": _GAP,
        "statistics": (panels.statistics(snapshot, text, width),),
        "engines": (panels.engines(snapshot, text, width),),
    }


def _single(
    snapshot: Snapshot, text: Words, width: int, without: Mapping[str, str | None], *, colour: bool
) -> dict[str, Variants]:
    parts = _left(snapshot, text, width, without, models=True, colour=colour)
    return {
        **parts,
        "gap4": _GAP,
        **{k: v for k, v in _right(snapshot, text, width, models=False).items() if k not in parts},
    }


def _models(snapshot: Snapshot, text: Words, width: int) -> Variants:
    compact, full = panels.models_compact(snapshot, text, width), panels.models_full(snapshot, text, width)
    return (compact, full) if width >= 40 else (compact,)


def _sources(snapshot: Snapshot, text: Words, width: int) -> Variants:
    return tuple(panels.sources(snapshot.sources, text, width, most) for most in (1, 4))


def _growing(lines: Lines) -> Variants:
    return tuple(lines[:n] for n in range(1, len(lines) + 1))


def _stack(parts: Mapping[str, Variants], order: Sequence[str], room: int) -> Lines:
    """Raise parts in the given order while they fit, then put them under each other in their own order."""
    level = dict.fromkeys(parts, 0)
    used = 0
    for name in order:
        variants = parts.get(name, ())
        now = level.get(name, 0)
        if now < len(variants):
            more = len(variants[now]) - (len(variants[now - 1]) if now else 0)
            if used + more <= room:
                level[name] = now + 1
                used += more
    return [line.copy() for name, variants in parts.items() if level[name] for line in variants[level[name] - 1]]


def _beside(left: Lines, right: Lines, width: int) -> Lines:
    rows = max(len(left), len(right))
    joined = []
    for n in range(rows):
        line = left[n] if n < len(left) else Text()
        line.truncate(width, overflow="ellipsis")
        if n < len(right):
            line.append(" " * (width + _GUTTER - line.cell_len)).append_text(right[n])
        joined.append(line)
    return joined


def _preview(snapshot: Snapshot, width: int, height: int) -> list[str]:
    """The analysed picture with its face, which belong together; the newest one where nothing is analysed."""
    frame = snapshot.analysed or snapshot.frame
    if frame is None or height < 6:
        return []
    face = snapshot.visual.face if snapshot.visual and snapshot.analysed else None
    columns, rows = preview_size(frame.picture, min(width, _MOST_COLUMNS), height)
    return preview(frame.picture, columns, rows, face.box if face else None, GOOD)
