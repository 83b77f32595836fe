"""What waits for one thread: bounded for each kind, and never waited for by those who bring it. A lock, no threads."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Many put in, one takes out, in the order in which it came.

    Parameters
    ----------
    most : how many of each type may wait
    """

    def __init__(self, most: Mapping[type[T], int]) -> None:
        self._most = dict(most)
        self._waiting: deque[T] = deque()
        self._held: Counter[type[T]] = Counter()
        self._changed = threading.Condition()
        self._ended = False

    def put(self, item: T) -> bool:
        """Leave one item, at once; False where there is no room for its kind."""
        kind = type(item)
        with self._changed:
            if self._held[kind] >= self._most[kind]:
                return False
            self._held[kind] += 1
            self._waiting.append(item)
            self._changed.notify()
            return True

    def take(self) -> T | None:
        """The oldest item, waited for; None when it has ended and nothing waits any more."""
        with self._changed:
            while not self._waiting:
                if self._ended:
                    return None
                self._changed.wait(0.5)
            item = self._waiting.popleft()
            self._held[type(item)] -= 1
            return item

    def end(self) -> None:
        """Let ``take`` come to its end; put in nothing afterwards."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
