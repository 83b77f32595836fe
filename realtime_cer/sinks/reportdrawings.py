"""The drawings of a report's page: shapes only, as SVG that stretches to any width; words stay in the page."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Decision
from realtime_cer.sinks.series import Series, runs, series
from realtime_cer.sinks.timewords import clock, ticks

_WIDTH, _HEIGHT = 1000, 100
_BANDS, _POINTS = 1000, 400


def colour_of(word: str, reasons: Sequence[str]) -> str:
    """The style's name for the colour of an expression, or of a reason to abstain."""
    return f"var(--c{COMPOUND.index(word)})" if word in COMPOUND else f"var(--r{reasons.index(word) % 4})"


def timeline(rows: Sequence[Decision], reasons: Sequence[str]) -> str:
    """Band, curves, shares and axis of time, one below the other.

    Parameters
    ----------
    rows : in the order of their times, at least one
    reasons : why nothing was named, in the order of their colours
    """
    bands, points = series(rows, _BANDS), series(rows, _POINTS)
    start, end = float(bands.left[0]), float(bands.right.max())
    return "\n".join(
        [
            _ribbon(bands, start, end, reasons),
            _curves(points, start, end),
            '<p class="faint">What each network brought to the strongest expression.</p>',
            _area(points, start, end),
            _axis(start, end),
        ]
    )


def _svg(kind: str, told: str, shapes: Sequence[str]) -> str:
    inside = "\n".join(shapes)
    return (
        f'<svg class="{kind}" role="img" aria-label="{escape(told)}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' preserveAspectRatio="none">\n{inside}\n</svg>'
    )


def _ribbon(s: Series, start: float, end: float, reasons: Sequence[str]) -> str:
    shapes = []
    for run in runs(s):
        x, width = _x(run.start, start, end), (run.end - run.start) / (end - start) * _WIDTH
        when = f"{clock(run.start, end - start)} to {clock(run.end, end - start)}"
        shapes.append(
            f'<rect x="{x:.2f}" y="0" width="{width:.2f}" height="{_HEIGHT}" fill="{colour_of(run.word, reasons)}">'
            f"<title>{escape(run.word)}, {when}</title></rect>"
        )
    return _svg("ribbon", "What is said over time, as a band; the segments are in the table below.", shapes)


def _curves(s: Series, start: float, end: float) -> str:
    mean = s.compound.mean
    top = 1.05 * max(float(np.nanmax(mean)) if not np.isnan(mean).all() else 1.0, 0.05)
    shapes = [f'<line x1="0" x2="{_WIDTH}" y1="{y}" y2="{y}"/>' for y in (0, 25, 50, 75)]
    x = _x(s.middle, start, end)
    for i, name in enumerate(COMPOUND):
        y = _HEIGHT * (1 - mean[:, i] / top)
        said = np.array([word == name for word in s.said])
        for kind, values in (("", y), ("said", np.where(said, y, np.nan))):
            path = _path(x, values)
            if path:
                shapes.append(f'<path class="{kind}" stroke="var(--c{i})" d="{path}"/>')
    return _svg("curves", f"Scores of the seven expressions over time, from 0 to {top:.2f}.", shapes)


def _area(s: Series, start: float, end: float) -> str:
    shapes = []
    tops = np.hstack([np.zeros((len(s.left), 1)), np.cumsum(s.shares, axis=1)])
    left, right = _x(s.left, start, end), _x(s.right, start, end)
    for i in range(len(MODELS)):
        pieces = [
            f"M{left[k]:.1f} {_HEIGHT * (1 - tops[k, i]):.1f}H{right[k]:.1f}V{_HEIGHT * (1 - tops[k, i + 1]):.1f}"
            f"H{left[k]:.1f}Z"
            for k in np.flatnonzero(s.shares[:, i] > 0)
        ]
        shapes.append(f'<path fill="var(--m{i})" shape-rendering="crispEdges" d="{"".join(pieces)}"/>')
    return _svg("area", "Shares of the networks over time; the means are in the table below.", shapes)


def _axis(start: float, end: float) -> str:
    words = []
    for n, (time, word) in enumerate(zip(*ticks(start, end), strict=True)):
        at = 100 * (time - start) / (end - start)
        kinds = " ".join(["odd"] * (n % 2) + ["end"] * (at > 97))
        words.append(f'<span class="{kinds}" style="left:{at:.2f}%">{word}</span>')
    return f'<div class="axis" aria-hidden="true">{"".join(words)}</div>'


def _x(times: npt.ArrayLike, start: float, end: float) -> npt.NDArray[np.float64]:
    return np.asarray((np.asarray(times, np.float64) - start) / (end - start) * _WIDTH)


def _path(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> str:
    """A line with gaps; a point without a neighbour becomes a dot, as a line of length 0 with round ends."""
    known = np.isfinite(y)
    pieces = []
    for k in np.flatnonzero(known):
        begins = k == 0 or not known[k - 1]
        pieces.append(f"{'M' if begins else 'L'}{x[k]:.1f} {y[k]:.1f}" + ("h0" if begins else ""))
    return "".join(pieces)
