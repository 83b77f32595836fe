"""Values that glide to where they belong. Pure: ``now`` is an argument."""

from collections.abc import Sequence

SPAN_S = 0.15


class Eased:
    """Some values on their way to the newest ones, fast at first, there after 150 ms."""

    def __init__(self) -> None:
        self._from: tuple[float, ...] = ()
        self._to: tuple[float, ...] = ()
        self._began = float("-inf")

    def aim(self, values: Sequence[float], now: float, *, jump: bool = False) -> None:
        """Glide to these values from wherever they are now; or be there at once."""
        to = tuple(values)
        if to == self._to and not jump:
            return
        at_once = jump or len(to) != len(self._to)
        self._from, self._to = (to if at_once else self.at(now)), to
        self._began = float("-inf") if at_once else now

    def at(self, now: float) -> tuple[float, ...]:
        """Where the values are."""
        passed = (now - self._began) / SPAN_S
        if passed >= 1:
            return self._to
        share = 1 - (1 - max(passed, 0.0)) ** 3
        return tuple(a + share * (b - a) for a, b in zip(self._from, self._to, strict=True))

    def moving(self, now: float) -> bool:
        """Whether they are not there yet, or have just arrived and were not drawn there."""
        return now - self._began < 1.5 * SPAN_S
