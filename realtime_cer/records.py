"""What travels between the rooms: frozen, slotted and stamped at the source.

Every ``t`` is in seconds: monotonic time live, media time in files. Arrays are
copied once, where they are captured, and read-only from then on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Samples per second of all sound inside the program."""

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


_Array = TypeVar("_Array", bound=npt.NDArray[Any])


def read_only(array: _Array) -> _Array:
    """Mark an array as read-only and return it."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. ``picture`` is (H, W, 3) uint8, BGR; ``seq`` counts the source's frames."""

    t: float
    seq: int
    picture: Picture


@dataclass(frozen=True, slots=True, eq=False)
class AudioBlock:
    """Consecutive sound: ``samples`` is (n,) float32 in [-1, 1], 16 kHz mono; ``t`` is when the first began."""

    t: float
    samples: Floats


@dataclass(frozen=True, slots=True, eq=False)
class AudioWindow:
    """The sound before ``t``.

    ``samples`` is (n,) float32, 16 kHz mono, its last sample ending at ``t``; gaps are zeros.
    ``heard`` is how many of them really came from the source.
    """

    t: float
    samples: Floats
    heard: int


@dataclass(frozen=True, slots=True, eq=False)
class GridFrame:
    """The frame that stands for instant ``k``, at time ``t``, of the 5 FPS grid; a gap has none.

    ``dropped`` counts grid frames that were overtaken since the one handed out before; ``arrived`` is when it came,
    where that is measured.
    """

    k: int
    t: float
    frame: Frame
    dropped: int = 0
    arrived: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in one frame: ``box`` is x, y, width, height in pixels, ``landmarks`` (478, 2) float32 in pixels."""

    id: int
    box: tuple[float, float, float, float]
    landmarks: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A network's probabilities, (7,) float32 in the order of ``labels.BASIC``, for what was captured at ``t``."""

    t: float
    probabilities: Floats
    engine: str


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """What the picture says of one face: ``mouth`` is the gap between the lips over the height of the face."""

    face: Face
    static: Scores | None
    dynamic: Scores | None
    mouth: float


@dataclass(frozen=True, slots=True, eq=False)
class Visual:
    """Everything seen at grid instant ``k``; ``frame_t`` is when the analysed frame was captured.

    ``face``, ``static`` and ``dynamic`` are of the target; ``faces`` are all in view, the target first if it is there.
    Where the face finder had no answer the picture was not ``searched``, and nobody knows who is in it.
    """

    k: int
    frame_t: float
    face: Face | None
    static: Scores | None
    dynamic: Scores | None
    dropped: int = 0
    faces: tuple[SeenFace, ...] = ()
    searched: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Everything heard up to ``t``: level in dB of full scale, share of speech lately, and what the network says.

    ``spoken`` is the share of speech of every tenth of a second since the step before, the newest last. Where the voice
    detector had no answer ``speech`` and ``voice`` are None, and ``spoken`` is empty.
    """

    t: float
    level_db: float
    speech: float | None
    voice: bool | None
    acoustic: Scores | None
    spoken: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One row: what is said about grid instant ``seq`` at time ``t``.

    The vectors are tuples in the order of ``labels.BASIC`` and ``labels.COMPOUND``. ``label`` is None
    where the program abstains, and ``reason`` then says why. ``contributions`` are the models'
    shares of the strongest class, which sum to 1. ``meters`` is there on a live row now and then: ``meters_row``.
    ``people`` are the others in view; the row itself is the target's.
    """

    t: float
    seq: int
    face: tuple[float, float, float, float] | None
    label: str | None
    reason: str | None
    basic: tuple[float, ...] | None
    compound: tuple[float, ...] | None
    models: Mapping[str, tuple[float, ...] | None]
    contributions: Mapping[str, float]
    age_ms: Mapping[str, float | None]
    dropped: int
    rule: str
    weights: str
    engine: Mapping[str, str | None]
    meters: Mapping[str, Any] | None = None
    people: "tuple[Person, ...]" = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One face in view, and what is said of it.

    ``speaking`` is the evidence that it is this face that speaks, 0 to 1, None where no speech was heard lately;
    ``gated`` tells that the sound takes part in its decision, which is "picture only" otherwise. ``calibrated`` tells
    that its neutral baseline is applied, ``calibrating`` what share of it is gathered while it is.
    """

    id: int
    box: tuple[float, float, float, float]
    decision: Decision
    speaking: float | None
    gated: bool
    calibrated: bool
    calibrating: float | None = None


@dataclass(frozen=True, slots=True)
class StageMeter:
    """How long one stage took over the last minute, in milliseconds, and how often a second it ran."""

    p50_ms: float
    p95_ms: float
    worst_ms: float
    rate: float


@dataclass(frozen=True, slots=True)
class Meters:
    """How the program itself does.

    ``stages`` are those that ran lately, of capture (stamp of a frame to the grid), wait (grid to analysis), face,
    static, dynamic, voice, acoustic, fusion and draw. ``queues`` are depths of now, ``drops`` counts since the start by
    cause, ``rung`` how far down the ladder of degradation it stands (0 is "full"), and ``stalled`` names the workers
    that have work and do not move, and as ``reload-video`` or ``reload-sound`` what is being begun anew.
    """

    stages: Mapping[str, StageMeter]
    queues: Mapping[str, int]
    drops: Mapping[str, int]
    rung: int
    rung_name: str
    memory_mib: float
    stalled: tuple[str, ...]


def meters_row(meters: Meters) -> dict[str, Any]:
    """The meters as plain values for JSON: milliseconds have two places, rates three, MiB one."""
    return {
        "stages": {
            name: {
                "p50_ms": round(one.p50_ms, 2),
                "p95_ms": round(one.p95_ms, 2),
                "worst_ms": round(one.worst_ms, 2),
                "rate": round(one.rate, 3),
            }
            for name, one in meters.stages.items()
        },
        "queues": dict(meters.queues),
        "drops": dict(meters.drops),
        "rung": meters.rung,
        "rung_name": meters.rung_name,
        "memory_mib": round(meters.memory_mib, 1),
        "stalled": list(meters.stalled),
    }


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one source does, for a view: ``kind`` is camera, microphone or file; counts are since the start.

    ``frozen`` pictures were repeated, ``damaged`` ones could not be decoded; sound ``overflows`` where it comes faster
    than it is taken and ``underflows`` where it comes too slowly. ``hopeless`` ones only a new process brings back.
    """

    name: str
    kind: str
    state: str
    detail: str
    frames: int
    dropped: int
    frozen: int = 0
    damaged: int = 0
    overflows: int = 0
    underflows: int = 0
    hopeless: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a view may show of this moment; parts are None until there is something.

    ``frame`` is the newest picture, ``analysed`` the one that ``visual`` belongs to; ``rate`` is decisions a second,
    ``latency_ms`` the median and 95th percentile of capture to decision over the last minute; ``dropped`` counts grid
    frames that came too late for their decision since the start; ``history`` holds the decisions of the last minute;
    ``people`` are all in view at the newest picture, the target first; ``muted`` tells that the sound does not count.
    """

    t: float
    frame: Frame | None
    analysed: Frame | None
    visual: Visual | None
    sound: Sound | None
    decision: Decision | None
    sources: tuple[SourceReport, ...]
    engines: Mapping[str, str]
    rate: float
    latency_ms: tuple[float, float] | None
    decisions: int
    dropped: int
    history: tuple[Decision, ...] = ()
    meters: Meters | None = None
    people: tuple[Person, ...] = ()
    muted: bool = False
