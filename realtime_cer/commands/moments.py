"""The moment just gone, behind one key of the window: held from the first press on, and kept at every other."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.told import Told

if TYPE_CHECKING:
    from realtime_cer.sinks.keeper import Keeper


class Moments:
    """Holds nothing until it is asked to, for pictures in memory cost an encoder's work.

    Parameters
    ----------
    folder : below which moments are kept
    facts : gives what the session of a moment tells
    tell : told in one line what came of a wish
    """

    def __init__(self, folder: Path, facts: Callable[[], Mapping[str, Any]], tell: Callable[[Told], None]) -> None:
        self._folder, self._facts, self._tell = folder, facts, tell
        self._keeper: Keeper | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def holding(self) -> bool:
        """Whether the last seconds are held just now."""
        return self._keeper is not None

    def hold(self, keeper: "Keeper") -> None:
        """Hold them by this keeper, from now on."""
        self._keeper = keeper

    def tap(self, item: Frame | AudioBlock | Decision) -> None:
        """Take one item, from any thread, at once."""
        keeper = self._keeper
        if keeper is not None:
            keeper.tap(item)

    def keep(self) -> None:
        """Keep the last seconds; the first time, begin to hold them. The disk may take its time."""
        with self._lock:
            if self._keeper is None:
                self._begin()
            else:
                self._keeper.keep()

    def _begin(self) -> None:
        from realtime_cer.commands.record import tidy
        from realtime_cer.sinks.keeper import Keeper
        from realtime_cer.sinks.lastmoments import SPAN_S
        from realtime_cer.sinks.session import make_folder

        try:
            make_folder(self._folder, "--keep")
        except Refused as refusal:
            self._tell(Told("the moment just gone is not kept: {why}", why=str(refusal)))
            return
        if self._closed:
            return  # while the disk took its time
        tidy(self._folder)
        self._keeper = Keeper(self._folder, self._facts, self._tell)
        self._tell(
            Told("the last {seconds:.0f} s are held in memory from now on: once more keeps them", seconds=SPAN_S)
        )

    def close(self) -> None:
        """Do what was asked for, and hold nothing any more."""
        self._closed = True
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()
