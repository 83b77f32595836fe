"""What waits for one thread: bounded for each kind, and never waited for by those who bring it. A lock, no threads."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Many put in, one takes out, in the order in which it came.

    Parameters
    ----------
    most : how many of each type may wait
    patience_s : how long those of a type may wait while there is a newer one; without a number, for ever
    late : told, by whoever takes out, of each that has waited for longer, and is let go
    """

    def __init__(
        self,
        most: Mapping[type[T], int],
        patience_s: Mapping[type[T], float] | None = None,
        late: Callable[[T], object] = lambda item: None,
    ) -> None:
        self._most, self._patience_s, self._late = dict(most), dict(patience_s or {}), late
        self._waiting: deque[tuple[float, T]] = deque()
        self._held: Counter[type[T]] = Counter()
        self._changed = threading.Condition()
        self._ended = False

    def put(self, item: T) -> bool:
        """Leave one item, at once; False where there is no room for its kind, and after the end."""
        kind = type(item)
        with self._changed:
            if self._ended or self._held[kind] >= self._most[kind]:
                return False
            self._held[kind] += 1
            self._waiting.append((time.monotonic(), item))
            self._changed.notify()
            return True

    def take(self) -> T | None:
        """The oldest item, waited for; None when it has ended and nothing waits any more."""
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ended:
                        return None
                    self._changed.wait(0.5)
                since, item = self._waiting.popleft()
                kind = type(item)
                self._held[kind] -= 1
                late = time.monotonic() - since > self._patience_s.get(kind, math.inf)
                if self._ended or not late or not self._held[kind]:
                    return item
            self._late(item)

    def end(self) -> None:
        """Let ``take`` come to its end; nothing is taken in afterwards."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
