"""Known flashes of a screen, found again in a camera's pictures. Pure: arrays in, numbers out.

A picture is taken as a coarse grid of brightness. What a cell of it should do is known but for the delay ``d`` and the
exposure ``e``: it is lit by ``f(t) = (1 / e) * integral of on(u) du over [t - d - e/2, t - d + e/2]``, where ``on`` is
1 while the screen flashes. The delay is the one at which the cells that fit best correlate most with ``f``. Slow
changes, an automatic exposure among them, are taken out of both by the same local mean, so they do not matter. Cells
that are lit in a mirror, or by the light on a face, count like those that see the screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.quiet import cv2
from realtime_cer.records import Picture

Floats = npt.NDArray[np.float64]

GRID = (12, 16)
"""Rows and columns of cells."""

EARLIEST_S, LATEST_S = -0.3, 1.4
"""Delays that are looked for; below zero, because time stamps may be wrong too."""

_LOCAL_S = 0.3
"""Slower changes than over twice this are taken out."""

_COARSE_S = 0.005
_FINE_S = 0.001
_EXPOSURES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Tried, as shares of the time between two pictures."""

_FEW = 3
"""Cells that must agree: a screen seen from afar covers few."""

_FIT, _LEAD = 0.6, 1.2
"""Least correlation that counts, and how far it must exceed that of any other delay."""

_APART_S = 0.12
_NOT_SEEN = (
    "no flash was seen: point the camera at the screen, or let the screen light your face, and dim the room "
    f"(a picture that comes later than {LATEST_S} s is beyond this test)"
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the flashes were found: ``delay_s`` after they were shown, with its standard error ``spread_s``.

    ``fit`` is the correlation with what should be seen, ``cells`` how many cells of ``GRID`` show it, ``frame_s`` the
    median time between two pictures.
    """

    delay_s: float
    spread_s: float
    fit: float
    cells: int
    frame_s: float


def brightness(picture: Picture) -> npt.NDArray[np.float32]:
    """Mean brightness of each cell of a picture (H, W, 3): (rows, columns), 0 to 255."""
    small = cv2.resize(picture, GRID[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small.mean(2), np.float32)


def find_flashes(
    times: Sequence[float] | Floats, grids: npt.ArrayLike, rises: Sequence[float], falls: Sequence[float]
) -> Sighting:
    """Find known flashes in pictures.

    Parameters
    ----------
    times : (n,) time stamps of the pictures, in seconds, in order
    grids : (n, rows, columns) their ``brightness``
    rises, falls : (k,) when the screen became bright and dark again, in seconds of the same clock

    Raises
    ------
    Refused
        Hardly any pictures, no flash among them, or flashes that fit at several delays.
    """
    t, cells = np.asarray(times, np.float64), np.asarray(grids, np.float64)
    if len(t) < 4 * len(rises):
        raise Refused(f"only {len(t)} pictures came during the clap test: it needs 8 a second at least")
    cells = cells.reshape(len(t), -1)
    frame_s = float(np.median(np.diff(t)))
    on = np.stack([rises, falls], 1).ravel()

    delays = np.arange(EARLIEST_S, LATEST_S, _COARSE_S)
    shapes = _unit(_local(t, _lit(t, on, delays, frame_s / 2).T))
    steps = _unit(_local(t, cells), floor=0.5)
    fits = shapes.T @ steps  # (delays, cells)
    score = np.sort(fits, 1)[:, -_FEW:].mean(1)
    best = int(score.argmax())
    rivals = score[np.abs(delays - delays[best]) > _APART_S]
    if score[best] < _FIT or score[best] < _LEAD * rivals.max():
        raise Refused(_NOT_SEEN)

    fit = fits[best]
    chosen = fit >= 0.7 * fit.max()
    # Inverse variance of what the flashes leave unexplained.
    weights = np.where(chosen, fit / (1 - np.clip(fit, 0, 0.99) ** 2), 0.0)
    trace = steps @ weights
    near = delays[best] + np.arange(-1.5 * frame_s, 1.5 * frame_s, _FINE_S)
    exposure, delay, width, peak = _fine(t, trace, on, near, [share * frame_s for share in _EXPOSURES])
    _check_each(t, trace, on, delay)
    left_out = []
    for k in range(len(rises)):
        keep = (t - delay < on[2 * k] - 0.1) | (t - delay > on[2 * k + 1] + 0.1)
        left_out.append(_fine(t[keep], trace[keep], on, near, [exposure])[1])
    # The jackknife, and the width of the range of delays that no picture tells apart.
    n = len(left_out)
    spread = float(np.hypot(np.std(left_out) * (n - 1) ** 0.5, width / 12**0.5))
    return Sighting(delay, spread, peak, int(chosen.sum()), frame_s)


def _lit(t: Floats, on: Floats, delays: Floats, exposure: float) -> Floats:
    """Share of its exposure in which a picture is lit, for each delay: (delays, n), from 0 to 1."""
    e = max(exposure, 1e-6)
    # The integral of ``on``: it grows by one a second while the screen is bright.
    total = np.concatenate([[0.0], np.cumsum(np.where(np.arange(len(on) - 1) % 2 == 0, np.diff(on), 0.0))])
    begun = on[0]
    x = t[None] - delays[:, None] - begun
    late, early = (np.interp(x + side * e / 2, on - begun, total) for side in (1, -1))
    return np.asarray((late - early) / e)


def _local(t: Floats, values: Floats) -> Floats:
    """Values (n, k) less their mean over the pictures around."""
    first, last = np.searchsorted(t, t - _LOCAL_S), np.searchsorted(t, t + _LOCAL_S, "right")
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0)])
    return np.asarray(values - (sums[last] - sums[first]) / (last - first)[:, None])


def _unit(values: Floats, floor: float = 1e-9) -> Floats:
    """Columns (n, k) of mean 0 and length 1; those with less than ``floor`` of standard deviation shrink."""
    centred = values - values.mean(0)
    return np.asarray(centred / np.sqrt((centred**2).sum(0) + len(values) * floor**2))


def _fine(
    t: Floats, trace: Floats, on: Floats, delays: Floats, exposures: Sequence[float]
) -> tuple[float, float, float, float]:
    """Best exposure and delay of a trace (n,): both, the width of the best range of delays, and the correlation."""
    found = []
    values = _unit(_local(t, trace[:, None]))[:, 0]
    for exposure in exposures:
        score = _unit(_local(t, _lit(t, on, delays, exposure).T)).T @ values
        # With a short exposure no picture changes between neighbouring delays: the middle of these is meant.
        top = np.flatnonzero(score >= score.max() - 1e-9)
        found.append((float(score.max()), exposure, float(delays[top].mean()), float(np.ptp(delays[top]) + _FINE_S)))
    peak, exposure, delay, width = max(found)
    return exposure, delay, width, peak


def _check_each(t: Floats, trace: Floats, on: Floats, delay: float) -> None:
    """Hold that all flashes but one can be seen, each by itself; raises Refused."""
    heights = []
    for rise, fall in zip(on[::2] + delay, on[1::2] + delay, strict=True):
        inside = (t >= rise) & (t < fall)
        beside = ~inside & (t > rise - 0.2) & (t < fall + 0.2)
        heights.append(trace[inside].mean() - trace[beside].mean() if inside.any() and beside.any() else 0.0)
    if np.sum(np.array(heights) > 0.4 * np.median(heights)) < len(heights) - 1:
        raise Refused(_NOT_SEEN)
