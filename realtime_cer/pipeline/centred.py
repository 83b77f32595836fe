"""The paper's protocol for whole files: a decision for every frame, from the sound before and after it.

Not for live use: sound from up to four seconds in the future takes part. ``offline`` is the causal driver.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from realtime_cer.buffers import WINDOW_S, AudioRing
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.perception.acoustic import AcousticModel
from realtime_cer.pipeline.decision import decision
from realtime_cer.pipeline.steps import MIN_HEARD_S, WINDOW_KEPT_S, Perception, Seeing
from realtime_cer.records import SAMPLE_RATE, AudioBlock, Decision, Floats, Frame, Scores, Visual, read_only

_LENGTH = round(WINDOW_S * SAMPLE_RATE)

_SLACK_S = 1.0
"""Sound that is this late does not come any more: blocks are shorter, and follow each other in the order of time."""

_SILENT = 1e-4
"""Peak below which a window holds no sound: 80 dB under full scale, where a whole track counts as silent too."""

_TOLERANCE_S = 1e-6


def mean_of_logits(probabilities: npt.ArrayLike) -> Floats:
    """Softmax of the mean logits of several windows: (n, 7) probabilities give (7,) float32.

    Networks give probabilities ``p = softmax(z)``, and their logarithms do as well as the logits z: with windows m and
    classes c, ``ln p[m, c] = z[m, c] - k[m]`` where ``k[m] = ln sum_c exp z[m, c]`` is the same for all classes. Hence
    ``mean_m ln p[m, c] = mean_m z[m, c] - mean_m k[m]``, and softmax does not see what is taken from all classes alike.
    """
    p = np.asarray(probabilities, np.float64)
    logits = np.log(np.maximum(p, np.finfo(np.float32).tiny)).mean(axis=0)
    odds = np.exp(logits - logits.max())
    return read_only((odds / odds.sum()).astype(np.float32))


class EveryFrame:
    """Frame in, everything seen out: static scores of every frame, dynamic scores every ``round(fps / 5)`` frames.

    In between the dynamic scores are held. Where there is nothing to hold a step is taken at once: for the first face,
    for another one, and for one that was out of sight when its step was due. A lost face clears the window.

    Parameters
    ----------
    seeing : its parts are called as at run time
    fps : average frames per second of the film
    """

    def __init__(self, seeing: Seeing, fps: float) -> None:
        self._seeing = seeing
        # Steps are counted in time, so that they stay 0.2 s apart where the frame rate varies; half a frame less than
        # a step makes them fall on their frames whatever rounding did to the times.
        self._step_s = (max(round(fps / 5), 1) - 0.5) / fps
        self._face: int | None = None
        self._held: Scores | None = None

    def see(self, frame: Frame) -> Visual:
        """Analyse one frame; the frame's number stands in for the grid instant."""
        seeing = self._seeing
        face = seeing.tracker.see(frame)
        if face is None:
            away_s = frame.t - self._held.t if self._held else 0.0
            if seeing.tracker.lost or away_s > WINDOW_KEPT_S:
                seeing.dynamic.keep(())
                self._held = None
            return Visual(frame.seq, frame.t, None, None, None)
        [(static, features)] = seeing.static(frame, [face])
        seeing.dynamic.keep([face.id])
        if self._held is None or face.id != self._face or frame.t - self._held.t >= self._step_s:
            [self._held] = seeing.dynamic(frame.t, [face.id], [features])
            self._face = face.id
        return Visual(frame.seq, frame.t, face, static, self._held)


class SurroundingSound:
    """Blocks of sound in, for any time the mean over all windows that cover it out. Keeps a few seconds.

    Windows of 4 s begin at media time 0 and every ``step`` samples, as long as there is sound; those that its end makes
    shorter are filled up with their own mean. Every window counts, also one without a voice, as the protocol has it,
    but for those that hold next to nothing: less than ``MIN_HEARD_S`` of sound, or digital silence.

    Parameters
    ----------
    acoustic : the network
    step : samples from the beginning of one window to that of the next
    """

    def __init__(self, acoustic: AcousticModel, step: int) -> None:
        self._acoustic = acoustic
        self._step = step
        self._ring = AudioRing(0.0)
        self._start = 0  # of the next window
        self._heard: deque[tuple[int, Scores]] = deque()

    def push(self, block: AudioBlock) -> None:
        """Take in sound."""
        self._ring.push(block)
        self._hear(self._ring.end)

    def give_up(self, t: float) -> None:
        """No sound before ``t`` will come any more."""
        self._hear(math.floor(t * SAMPLE_RATE))

    def finish(self) -> None:
        """No sound will come any more at all."""
        self._hear(self._ring.end + _LENGTH)

    def knows(self, t: float) -> bool:
        """Whether every window that covers ``t`` was heard."""
        return self._start > (t + _TOLERANCE_S) * SAMPLE_RATE

    def at(self, t: float) -> Scores | None:
        """The mean over the windows that cover ``t``, stamped with the newest sound in it; None where none does.

        Times must not go back: windows that end before ``t`` are forgotten.
        """
        while self._heard and self._heard[0][1].t <= t + _TOLERANCE_S:
            self._heard.popleft()
        covering = [scores for start, scores in self._heard if start / SAMPLE_RATE <= t + _TOLERANCE_S]
        if not covering:
            return None
        mean = mean_of_logits([scores.probabilities for scores in covering])
        return Scores(covering[-1].t, mean, covering[-1].engine)

    def _hear(self, to: int) -> None:
        """Hear the windows that end at position ``to`` or before."""
        while self._start + _LENGTH <= to:
            end = min(self._start + _LENGTH, self._ring.end)
            if end > self._start:
                window = self._ring.window(end, end - self._start)
                if window.heard >= MIN_HEARD_S * SAMPLE_RATE and np.abs(window.samples).max() >= _SILENT:
                    self._heard.append((self._start, self._acoustic(window)))
            self._start += self._step


def decide_centred(
    items: Iterable[Frame | AudioBlock], fps: float, config: Config, weights: FusionWeights, perception: Perception
) -> Iterator[Decision]:
    """Decisions for every frame of a film, its frame number as ``seq``.

    Parameters
    ----------
    items : in the order of time from media time 0: frames by ``t``, blocks of sound by their end
    fps : average frames per second of the film
    config, weights, perception : as for ``offline.decide``; nothing asks for a voice, and nothing is too old

    Yields
    ------
    One decision for each frame, once the sound around it was heard: what was seen waits for it, the picture does not.
    The age of the acoustic scores is that of their newest sound, below zero where that comes after the frame.
    """
    sight = EveryFrame(perception.seeing, fps)
    sound = SurroundingSound(perception.hearing.acoustic, perception.hearing.step)

    def row(visual: Visual) -> Decision:
        scores = {"static": visual.static, "dynamic": visual.dynamic, "acoustic": sound.at(visual.frame_t)}
        t = visual.frame_t
        return decision(t, visual.k, scores, visual.face, config, weights, searched=True, now=t)

    waiting: deque[Visual] = deque()
    for item in items:
        sound.give_up(item.t - _SLACK_S)
        if isinstance(item, Frame):
            waiting.append(sight.see(item))
        else:
            sound.push(item)
        while waiting and sound.knows(waiting[0].frame_t):
            yield row(waiting.popleft())
    sound.finish()
    while waiting:
        yield row(waiting.popleft())
