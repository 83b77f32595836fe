"""The offline driver: a plain loop on media time over the same calls as live."""

from collections.abc import Iterable, Iterator

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.capture.source import item_end
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.decider import Decider
from realtime_cer.pipeline.steps import Perception
from realtime_cer.records import AudioBlock, Decision, Frame


def decide(
    items: Iterable[Frame | AudioBlock],
    config: Config,
    weights: FusionWeights,
    perception: Perception,
    origin: float = 0.0,
) -> Iterator[Decision]:
    """Decisions for every grid instant of a stream of frames and sound.

    Parameters
    ----------
    items : in the order in which they would have become known live: frames by ``t``, blocks of sound by their end
    config, weights, perception : as for ``Live``
    origin : time of grid instant 0

    Yields
    ------
    One decision for each instant from the origin to the end of the last item. Analysis takes no time here: what live
    measures as the clock is the time of the item at hand.
    """
    frames, sound = FrameRing(origin), AudioRing(origin)
    decider = Decider(config, weights, origin)
    end = origin
    for item in items:
        now = item_end(item)
        end = max(end, now)
        while decider.deadline < now:
            yield from decider.tick(decider.deadline)
        if isinstance(item, Frame):
            if frames.push(item) is not None:
                grid = frames.take(0)
                assert grid is not None
                yield from decider.seen(perception.seeing.see(grid), now)
        else:
            sound.push(item)
            while sound.end >= perception.hearing.next_end:
                heard = perception.hearing.hear(sound)
                decider.people.heard(heard)
                if heard.acoustic is not None:
                    decider.heard(heard.acoustic)
    while not decider.complete(end):
        yield from decider.tick(decider.deadline)
