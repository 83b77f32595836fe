"""One step of seeing and one step of hearing: the same calls live and offline. No threads, no clock."""

import math
from dataclasses import dataclass

import numpy as np

from realtime_cer.buffers import WINDOW_S, AudioRing
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.inference.engine import load
from realtime_cer.inference.silero import Silero
from realtime_cer.perception.acoustic import AcousticModel
from realtime_cer.perception.dynamic import DynamicModel
from realtime_cer.perception.face import FaceFinder, FaceTracker
from realtime_cer.perception.static import StaticModel
from realtime_cer.perception.voice import MouthVoice, SileroVoice, Voice
from realtime_cer.records import SAMPLE_RATE, GridFrame, Sound, Visual

MIN_HEARD_S = 0.5
"""Less real sound than this in a window says nothing."""


class Seeing:
    """Grid frame in, everything seen out: face, static scores, dynamic scores."""

    def __init__(self, tracker: FaceTracker, static: StaticModel, dynamic: DynamicModel, voice: Voice) -> None:
        self._tracker = tracker
        self._static = static
        self._dynamic = dynamic
        self._voice = voice

    def see(self, grid: GridFrame) -> Visual:
        """Analyse one grid frame."""
        face = self._tracker.see(grid.frame)
        self._voice.look(grid.frame.t, face)
        if face is None:
            if self._tracker.lost:
                self._dynamic.clear()
            return Visual(grid.k, grid.frame.t, None, None, None, grid.dropped)
        static, features = self._static(grid.frame, face)
        dynamic = self._dynamic(grid.frame.t, face.id, features)
        return Visual(grid.k, grid.frame.t, face, static, dynamic, grid.dropped)


class Hearing:
    """Sound ring in, everything heard out: level, voice, acoustic scores while there is a voice."""

    def __init__(self, acoustic: AcousticModel, voice: Voice, config: Config) -> None:
        self._acoustic = acoustic
        self._voice = voice
        self._span_s = config.voice.span_s
        self._least = config.voice.share
        self.step = round(config.sound_step_s * SAMPLE_RATE)
        self._end = 0

    @property
    def next_end(self) -> int:
        """Position at which the next step is due."""
        return self._end + self.step

    def hear(self, ring: AudioRing) -> Sound:
        """Take in all sound up to the newest step; the network sees the newest window only.

        Call when ``ring.end`` has reached ``next_end``.
        """
        end = ring.end // self.step * self.step
        fresh = ring.window(end, end - self._end)
        self._end = end
        self._voice.hear(fresh)
        speech = self._voice.share(fresh.t, self._span_s)
        voice = speech >= self._least
        acoustic = None
        if voice:
            window = ring.window(end, round(WINDOW_S * SAMPLE_RATE))
            if window.heard >= MIN_HEARD_S * SAMPLE_RATE:
                acoustic = self._acoustic(window)
        return Sound(fresh.t, _level_db(fresh.samples[-self.step :]), speech, voice, acoustic)


@dataclass(frozen=True, slots=True)
class Perception:
    """Both kinds of steps, ready to run."""

    seeing: Seeing
    hearing: Hearing
    engines: dict[str, str]
    """Backend of each network by name."""
    hashes: dict[str, str]
    """SHA-256 of each network by name."""
    finder: FaceFinder

    def close(self) -> None:
        """Free native memory."""
        self.finder.close()


def load_perception(config: Config) -> Perception:
    """Load and warm up every network.

    Raises
    ------
    Refused
        A network, the face bundle or the chosen engine is missing or altered.
    """
    if config.profile != "default":
        raise Refused(f"no profile {config.profile!r}; there is default")
    engines = {name: load(name, config.engine) for name in ("static", "dynamic", "acoustic")}
    mouth = config.voice.source == "mouth"
    voice: Voice = MouthVoice() if mouth else SileroVoice(Silero(), config.voice.threshold)
    finder = FaceFinder(config.face)
    return Perception(
        seeing=Seeing(
            FaceTracker(finder, config.face),
            StaticModel(engines["static"]),
            DynamicModel(engines["dynamic"]),
            voice,
        ),
        hearing=Hearing(AcousticModel(engines["acoustic"]), voice, config),
        engines={name: engine.backend for name, engine in engines.items()},
        hashes={name: engine.manifest.sha256 for name, engine in engines.items()},
        finder=finder,
    )


def _level_db(samples: np.ndarray) -> float:
    """RMS level in dB of full scale, at least -120."""
    rms = math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return 20 * math.log10(max(rms, 1e-6))
