"""What a media file gives when all of it is read."""

import itertools
from typing import Any

import numpy as np
import pytest

from parts.clips import number_of
from realtime_cer.capture.media import MediaFile
from realtime_cer.capture.source import item_end
from realtime_cer.records import AudioBlock, Frame

STEADY = [k / 25 for k in range(50)]


def read(media: MediaFile, **choice: Any) -> tuple[list[Frame], list[AudioBlock]]:
    """Everything in a file, once it is certain that it came in the order of time and read-only."""
    items = list(media.items(**choice))
    ends = [item_end(item) for item in items]
    places = [round(end, 6) for end in ends]
    assert places == sorted(places)
    for (before, here), (after, there) in itertools.pairwise(zip(items, places, strict=True)):
        assert here < there or not (isinstance(before, Frame) and isinstance(after, AudioBlock)), "sound comes first"
    assert not any((item.picture if isinstance(item, Frame) else item.samples).flags.writeable for item in items)
    return [i for i in items if isinstance(i, Frame)], [i for i in items if isinstance(i, AudioBlock)]


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.picture) for frame in frames]


def sound(blocks: list[AudioBlock]) -> Any:
    """The samples of blocks, once it is certain that each begins where the one before ended."""
    for before, after in itertools.pairwise(blocks):
        assert after.t == pytest.approx(item_end(before), abs=1e-9)
    return np.concatenate([block.samples for block in blocks])
