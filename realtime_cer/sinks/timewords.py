"""Times and shares in the words that a picture has room for."""

import math

_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def digital(seconds: float) -> str:
    """A time as a clock shows it: ``m:ss``, or ``h:mm:ss`` from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def clock(seconds: float, span: float) -> str:
    """A time in words: ``12 s`` in a span of up to two minutes, then ``m:ss``, then ``h:mm:ss``."""
    if span <= 120:
        return f"{round(seconds, 1) + 0.0:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if span <= 3600:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def percent(count: int, total: int) -> str:
    """A share in words; a dash for none at all."""
    share = count / total
    if not share:
        return "–"
    return "<1 %" if share < 0.01 else f"{100 * share:.0f} %"


def ticks(start: float, end: float) -> tuple[list[float], list[str]]:
    """At most thirteen round times from ``start`` to ``end``, and their words."""
    span = end - start
    step = next((step for step in _TICKS_S if span / step <= 12), _TICKS_S[-1])
    first, last = math.ceil(start / step - 1e-6), math.floor(end / step + 1e-6)
    times = [step * i for i in range(first, last + 1)][:100]
    return times, [clock(time, span) for time in times]
