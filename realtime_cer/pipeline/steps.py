"""One step of seeing and one step of hearing: the same calls live and offline. No threads, no clock."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from realtime_cer.buffers import WINDOW_S, AudioRing
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.fallback import Fallback
from realtime_cer.inference.profile import Profile, read_profile
from realtime_cer.inference.silero import Silero
from realtime_cer.labels import MODELS
from realtime_cer.perception.acoustic import LENGTH as SAMPLES
from realtime_cer.perception.acoustic import AcousticModel, pad, repeat
from realtime_cer.perception.dynamic import LENGTH as VECTORS
from realtime_cer.perception.dynamic import DynamicModel
from realtime_cer.perception.face import FaceFinder, FaceTracker
from realtime_cer.perception.static import StaticModel, cut_of
from realtime_cer.perception.voice import MouthVoice, SileroVoice, Voice
from realtime_cer.records import SAMPLE_RATE, GridFrame, Sound, Visual

MIN_HEARD_S = 0.5
"""Less real sound than this in a window says nothing."""


class Seeing:
    """Grid frame in, everything seen out: face, static scores, dynamic scores. Its parts may be called on their own."""

    def __init__(self, tracker: FaceTracker, static: StaticModel, dynamic: DynamicModel, voice: Voice) -> None:
        self.tracker = tracker
        self.static = static
        self.dynamic = dynamic
        self._voice = voice

    def see(self, grid: GridFrame) -> Visual:
        """Analyse one grid frame."""
        face = self.tracker.see(grid.frame)
        self._voice.look(grid.frame.t, face)
        if face is None:
            if self.tracker.lost:
                self.dynamic.clear()
            return Visual(grid.k, grid.frame.t, None, None, None, grid.dropped)
        static, features = self.static(grid.frame, face)
        dynamic = self.dynamic(grid.frame.t, face.id, features)
        return Visual(grid.k, grid.frame.t, face, static, dynamic, grid.dropped)


class Hearing:
    """Sound ring in, everything heard out: level, voice, acoustic scores while there is a voice."""

    def __init__(self, acoustic: AcousticModel, voice: Voice, config: Config) -> None:
        self.acoustic = acoustic
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
                acoustic = self.acoustic(window)
        return Sound(fresh.t, _level_db(fresh.samples[-self.step :]), speech, voice, acoustic)


@dataclass(frozen=True, slots=True)
class Perception:
    """Both kinds of steps, ready to run."""

    seeing: Seeing
    hearing: Hearing
    networks: Mapping[str, Engine]
    finder: FaceFinder

    @property
    def engines(self) -> dict[str, str]:
        """Backend of each network by name, as of now."""
        return {name: engine.backend for name, engine in self.networks.items()}

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each network by name."""
        return {name: engine.manifest.sha256 for name, engine in self.networks.items()}

    def close(self) -> None:
        """Free native memory, and stop opening better engines."""
        for engine in self.networks.values():
            if isinstance(engine, Fallback):
                engine.close()
        self.finder.close()


def load_perception(
    config: Config, *, background: bool = False, notice: Callable[[str], None] = lambda line: None
) -> Perception:
    """Load and warm up every network of the profile.

    Parameters
    ----------
    config : names the profile, the engine, and how faces and voices are found
    background : begin on the CPU at once, and change to a better engine when that is built and verified
    notice : told in one line, from any thread, which engine takes over and why

    Raises
    ------
    Refused
        The profile, one of its networks, the face bundle or the chosen engine is missing or altered, or the networks
        do not fit together.
    """
    profile = read_profile(config.profile)
    engines = {name: load(name, config.engine, profile.folder, background=background, notice=notice) for name in MODELS}
    cut = cut_of(profile, engines["static"])
    _fit(profile, engines)
    mouth = config.voice.source == "mouth"
    voice: Voice = MouthVoice() if mouth else SileroVoice(Silero(), config.voice.threshold)
    fill = repeat if profile.padding == "repeat" else pad
    finder = FaceFinder(config.face)
    return Perception(
        seeing=Seeing(
            FaceTracker(finder, config.face),
            StaticModel(engines["static"], cut),
            DynamicModel(engines["dynamic"]),
            voice,
        ),
        hearing=Hearing(AcousticModel(engines["acoustic"], fill), voice, config),
        networks=engines,
        finder=finder,
    )


def _fit(profile: Profile, engines: Mapping[str, Engine]) -> None:
    """Refuse a profile whose dynamic and acoustic networks do not take what the steps give them."""
    [features] = [tensor.shape[1:] for tensor in engines["static"].manifest.outputs if tensor.name == "features"]
    for name, given in (("dynamic", (VECTORS, *features)), ("acoustic", (SAMPLES,))):
        tensor = engines[name].manifest.inputs[0]
        if (tensor.dtype, tensor.shape[1:]) != ("float32", given):
            raise Refused(
                f"profile {profile.name!r}: network {name} takes {tensor.dtype} {list(tensor.shape)}, but is given"
                f" float32 {['batch', *given]}: take networks that belong together"
            )


def _level_db(samples: np.ndarray) -> float:
    """RMS level in dB of full scale, at least -120."""
    rms = math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return 20 * math.log10(max(rms, 1e-6))
