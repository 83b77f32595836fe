"""One step of seeing and one step of hearing: the same calls live and offline. No threads, no clock."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from realtime_cer.buffers import WINDOW_S, AudioRing
from realtime_cer.config import Config
from realtime_cer.errors import EngineFault, Refused
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.fallback import Fallback
from realtime_cer.inference.profile import Profile, read_profile
from realtime_cer.inference.silero import Silero
from realtime_cer.labels import MODELS
from realtime_cer.perception.acoustic import LENGTH as SAMPLES
from realtime_cer.perception.acoustic import AcousticModel, pad, repeat
from realtime_cer.perception.dynamic import LENGTH as VECTORS
from realtime_cer.perception.dynamic import DynamicModel
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.gate import mouth_gap
from realtime_cer.perception.static import StaticModel, cut_of
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.perception.voice import MouthVoice, SileroVoice, Voice
from realtime_cer.pipeline.probe import Probe, Unwatched
from realtime_cer.records import SAMPLE_RATE, Face, GridFrame, Scores, SeenFace, Sound, Visual

MIN_HEARD_S = 0.5
"""Less real sound than this in a window says nothing."""

WINDOW_KEPT_S = 1.0
"""The dynamic window of a face outlasts so long an absence."""

_SLOT_S = 0.1
_MOST_SLOTS = 40


class Seeing:
    """Grid frame in, everything seen out: face, static scores, dynamic scores. Its parts may be called on their own.

    Attributes
    ----------
    voice : is shown every face
    probe : watches
    sparing : look for landmarks in every second picture only, and use those of the picture before in the other
    """

    def __init__(self, tracker: FaceTracker, static: StaticModel, dynamic: DynamicModel, voice: Voice) -> None:
        self.tracker = tracker
        self.static = static
        self.dynamic = dynamic
        self.voice = voice
        self.probe: Probe = Unwatched()
        self.sparing = False
        self._found: tuple[int, Face | None, tuple[Face, ...]] | None = None
        self._last: dict[int, float] = {}

    def see(self, grid: GridFrame) -> Visual:
        """Analyse one grid frame. A model that has no answer is missing; without vectors the dynamic one is, too.

        Where the face finder has none nothing is known of the picture: it counts as not searched, and changes nothing.

        Every face has a dynamic window of its own, which outlasts a second out of sight: half of it at the most is
        then older than the absence. After a longer one it begins anew.
        """
        probe = self.probe
        t = grid.frame.t
        try:
            with probe.timed("face"):
                face, faces = self._faces(grid)
        except EngineFault as fault:
            probe.faulted(fault)
            return Visual(grid.k, t, None, None, None, grid.dropped, searched=False)
        self.voice.look(t, face)
        self._last |= {one.id: t for one in faces}
        self._last = {i: last for i, last in self._last.items() if t - last <= WINDOW_KEPT_S + 1e-6}
        self.dynamic.keep(list(self._last))
        static: list[Scores | None] = [None] * len(faces)
        dynamic = list(static)
        try:
            if faces:
                with probe.timed("static"):
                    said = self.static(grid.frame, faces)
                static[:] = [_whole("static", scores) for scores, _ in said]
                with probe.timed("dynamic"):
                    lately = self.dynamic(t, [one.id for one in faces], [vector for _, vector in said])
                dynamic[:] = [_whole("dynamic", scores) for scores in lately]
        except EngineFault as fault:
            probe.faulted(fault)
        seen = tuple(SeenFace(one, static[n], dynamic[n], mouth_gap(one.landmarks)) for n, one in enumerate(faces))
        mine = next((one for one in seen if one.face is face), None)
        if mine is None:
            return Visual(grid.k, t, None, None, None, grid.dropped, seen)
        return Visual(grid.k, t, mine.face, mine.static, mine.dynamic, grid.dropped, seen)

    def forget(self) -> None:
        """Let go of all faces, and of what was seen in them."""
        self.tracker.forget()
        self.dynamic.keep(())
        self._last.clear()
        self._found = None

    def _faces(self, grid: GridFrame) -> tuple[Face | None, tuple[Face, ...]]:
        """The target face and all faces: found now or, when sparing, in the picture just before."""
        found, self._found = self._found, None
        if self.sparing and found is not None and grid.k - found[0] == 1:
            return found[1:]
        face = self.tracker.see(grid.frame)
        faces = self.tracker.faces
        if faces:
            self._found = grid.k, face, faces
        return face, faces


class Hearing:
    """Sound ring in, everything heard out: level, voice, acoustic scores while there is a voice.

    Attributes
    ----------
    step : samples between two windows; may be changed between two calls
    probe : watches
    """

    def __init__(self, acoustic: AcousticModel, voice: Voice, config: Config) -> None:
        self.acoustic = acoustic
        self.voice = voice
        self.probe: Probe = Unwatched()
        self._span_s = config.voice.span_s
        self._least = config.voice.share
        self.step = round(config.sound_step_s * SAMPLE_RATE)
        self._end = 0

    @property
    def next_end(self) -> int:
        """Position at which the next step is due."""
        return self._end + self.step

    def skip(self, ring: AudioRing) -> None:
        """Take in all sound up to the newest step without listening."""
        self._end = ring.end // self.step * self.step

    def hear(self, ring: AudioRing) -> Sound:
        """Take in all sound up to the newest step; the network sees the newest window only.

        Call when ``ring.end`` has reached ``next_end``. A model that has no answer is missing; where the voice detector
        has none, nobody knows whether there is a voice to hear, and the acoustic model is missing, too.
        """
        step = self.step
        end = ring.end // step * step
        fresh = ring.window(end, end - self._end)
        window = ring.window(end, round(WINDOW_S * SAMPLE_RATE))  # now: the ring goes on while the detector is asked
        self._end = end
        level_db = _level_db(fresh.samples[-step:])
        try:
            with self.probe.timed("voice"):
                self.voice.hear(fresh)
                speech = self.voice.share(fresh.t, self._span_s)
                slots = min(round(len(fresh.samples) / SAMPLE_RATE / _SLOT_S), _MOST_SLOTS)
                spoken = tuple(self.voice.share(fresh.t - n * _SLOT_S, _SLOT_S) for n in reversed(range(slots)))
        except EngineFault as fault:
            self.probe.faulted(fault)
            return Sound(fresh.t, level_db, None, None, None)
        voice = speech >= self._least
        acoustic = None
        if voice and window.heard >= MIN_HEARD_S * SAMPLE_RATE:
            try:
                with self.probe.timed("acoustic"):
                    acoustic = self.acoustic(window)
                acoustic = _whole("acoustic", acoustic)
            except EngineFault as fault:
                acoustic = None
                self.probe.faulted(fault)
        return Sound(fresh.t, level_db, speech, voice, acoustic, spoken)


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

    def exchanged(self, fresh: "Perception", *, seeing: bool) -> tuple["Perception", "Perception"]:
        """This with the fresh one's seeing (else its hearing) in the place of its own; and what is left of both."""

        def networks(one: Perception, other: Perception) -> dict[str, Engine]:
            return {name: (one if (name == "acoustic") != seeing else other).networks[name] for name in one.networks}

        taken, left = networks(fresh, self), networks(self, fresh)
        if seeing:
            return (
                Perception(fresh.seeing, self.hearing, taken, fresh.finder),
                Perception(self.seeing, fresh.hearing, left, self.finder),
            )
        return (
            Perception(self.seeing, fresh.hearing, taken, self.finder),
            Perception(fresh.seeing, self.hearing, left, fresh.finder),
        )

    def close(self) -> None:
        """Free native memory, and stop opening better engines. What still runs in them has no more answers."""
        for engine in self.networks.values():
            if isinstance(engine, Fallback):
                engine.free()
        self.finder.close()


def load_perception(
    config: Config, *, background: bool = False, notice: Callable[[str], None] = lambda line: None
) -> Perception:
    """Load and warm up every network of the profile.

    Parameters
    ----------
    config : names the profile, the engine, and how faces and voices are found
    background : begin on the CPU at once, and change to a better engine when that is built and verified
    notice : told in one line, from any thread, which engine takes over and why, and what fails or works again

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
    voice: Voice = MouthVoice() if mouth else SileroVoice(Silero(notice), config.voice.threshold)
    fill = repeat if profile.padding == "repeat" else pad
    finder = FaceFinder(config.face, notice)
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


def _whole(network: str, scores: Scores) -> Scores:
    """Scores, if they are numbers: whatever an engine does, none but numbers reach a decision."""
    if not np.isfinite(scores.probabilities).all():
        raise EngineFault(network, "its outputs are not numbers")
    return scores


def _level_db(samples: np.ndarray) -> float:
    """RMS level in dB of full scale, at least -120."""
    rms = math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return 20 * math.log10(max(rms, 1e-6))
