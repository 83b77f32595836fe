"""Measure faces: how small they are found, who is known again, whose voice it is, and what it all costs.

Made people need nothing. Real ones are the portrait of scikit-image and the clips of REALTIME_CER_DATA; which of two
faces speaks is told from clips of people who really talk, so that figure needs the data.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from parts import crowd
from rich.progress import track

from realtime_cer.capture.media import open_media
from realtime_cer.config import FaceConfig
from realtime_cer.inference.engine import load
from realtime_cer.inference.silero import Silero
from realtime_cer.perception.dynamic import DynamicModel
from realtime_cer.perception.face import FaceFinder
from realtime_cer.perception.gate import Gate, mouth_gap
from realtime_cer.perception.static import StaticModel
from realtime_cer.perception.tracker import FaceTracker
from realtime_cer.perception.voice import SileroVoice
from realtime_cer.records import AudioWindow, Floats, Frame

PROMISES = {
    "three_found_from_px": ("at most", 60),
    "identity_simulated": ("at least", 0.95),
    "identity_real_faces": ("at least", 0.95),
    "speaker_right": ("at least", 0.9),
}
"""What is aimed at, for the table of scripts/bench."""

KINDS = ("cross", "absence", "passing")
ROOM = (1280, 720)
_HEIGHTS = (50, 55, 60, 70, 90, 120, 170)
_FINE_S, _SLOT_S = 0.05, 0.1

# Where somebody talks, and where a mouth rests or moves without a word: clip, begin and end in seconds.
_TALK = {
    "ravdess": ("ravdess_01-01-01-01-01-01-01.mp4", 0.3, 3.0),
    "grid": ("grid_lbbc2a.mpg", 0.2, 2.6),
}
_SILENT = {
    "crying": ("crying_640x360.mp4", 0.0, 19.0),
    "smiling": ("single_face_640x360.mp4", 0.0, 2.3),
    "ravdess": ("ravdess_01-01-01-01-01-01-01.mp4", 2.45, 3.25),
    "grid": ("grid_lbbc2a.mpg", 2.1, 2.9),
}

Series = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def bench_faces(repeats: int) -> list[dict[str, Any]]:
    """All figures; ``repeats`` simulated sequences of each kind."""
    finder = FaceFinder(FaceConfig())
    clips = Path(os.environ.get("REALTIME_CER_DATA", "/nowhere")) / "clips"
    people = [crowd.astronaut(finder)]
    for clip in sorted(clips.glob("*.m[p4]*")):
        picture = [item.picture for item in open_media(clip).items(grid_fps=5, sound=False) if isinstance(item, Frame)]
        people.append(crowd.cut_out(picture[4], finder.find(picture[4])[0]))
    results = [_small(finder, people), *_identity(finder, people, repeats), _cost(finder, people)]
    if clips.is_dir():
        results.append(_speaker(finder, clips, max(repeats // 2, 1)))
    finder.close()
    return results


def _standing(people: list[crowd.Cut], count: int, height: float, seed: int) -> crowd.Scene:
    """So many people side by side in a room, who hardly move."""
    rng = np.random.default_rng(seed)
    who = rng.permutation(max(len(people), count)) % len(people)
    walkers = []
    for n in range(count):
        x = (n + 0.5) / count * ROOM[0] + rng.uniform(-60, 60)
        y = rng.uniform(0.3, 0.55) * ROOM[1]

        def place(t: float, n: int = n, x: float = x, y: float = y) -> crowd.Box:
            dx, dy = 0.05 * height * np.sin(t + n), 0.05 * height * np.cos(1.3 * t)
            return x - 0.4 * height + dx, y - height / 2 + dy, 0.8 * height, height

        walkers.append(crowd.Walker(place, np.zeros((4, 3), np.uint8), n, cut=people[who[n]]))
    return crowd.Scene(walkers, ROOM, seed)


def _small(finder: FaceFinder, people: list[crowd.Cut]) -> dict[str, Any]:
    """The height from which three people in a 720p room are all found within four seconds, and kept."""
    rooms, good, waits = 8, [], []
    for height in track(_HEIGHTS, "three people, ever larger"):
        whole = 0
        for seed in range(rooms):
            scene, tracker = _standing(people, 3, height, seed), FaceTracker(finder, FaceConfig())
            counts = []
            for n in range(30):
                tracker.see(Frame(n * 0.2, n, scene.paint(n * 0.2)))
                counts.append(len(tracker.faces))
            first = counts.index(3) if 3 in counts[:20] else None
            if first is not None and counts[first:] == [3] * (30 - first):
                whole += 1
                waits.append(first * 0.2)
        if whole == rooms:
            good.append(height)
    least = min((h for h in good if all(other in good for other in _HEIGHTS if other >= h)), default=10**6)
    return {
        "what": "three people in a 1280x720 room",
        "rooms": rooms,
        "different_people": len(people),
        "three_found_from_px": least,
        "all_found_after_s_median": round(float(np.median(waits)), 2),
        "all_found_after_s_worst": round(max(waits), 2),
    }


def _identity(finder: FaceFinder, people: list[crowd.Cut], repeats: int) -> list[dict[str, Any]]:
    """Share of made sequences in which both who stay have the same id before and after."""
    results = []
    held = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        for seed in track(range(1000, 1000 + repeats), f"simulated: {kind}"):
            scene = crowd.scene(kind, seed, (320, 180), 28)
            held[kind] += crowd.identities_hold(scene, crowd.Scripted(scene, 20))
    results.append({"what": "identity, simulated"} | _shares("identity_simulated", held, repeats))
    for height, early in ((170.0, 0.0), (75.0, 2.4)):
        count, held = 12, dict.fromkeys(KINDS, 0)
        for kind in KINDS:
            for seed in track(range(count), f"real faces, {height:.0f} px: {kind}"):
                held[kind] += crowd.identities_hold(crowd.scene(kind, seed, ROOM, height, people), finder, early)
        results.append({"what": f"identity, faces of {height:.0f} px"} | _shares("identity_real_faces", held, count))
    return results


def _shares(key: str, held: dict[str, int], each: int) -> dict[str, Any]:
    return {
        key: round(sum(held.values()) / (each * len(held)), 3),
        "sequences": each * len(held),
        **{kind: round(count / each, 3) for kind, count in held.items()},
    }


def _cost(finder: FaceFinder, people: list[crowd.Cut]) -> dict[str, Any]:
    """Milliseconds a picture for the faces, and with both networks, of one and of three people."""
    static, dynamic = StaticModel(load("static", "cpu")), DynamicModel(load("dynamic", "cpu"))
    result: dict[str, Any] = {"what": "cost of a 1280x720 picture"}
    for count in (1, 3):
        scene, tracker = _standing(people, count, 170.0, 1), FaceTracker(finder, FaceConfig())
        faces, networks = [], []
        for n in range(60):
            frame = Frame(n * 0.2, n, scene.paint(n * 0.2))
            begun = time.perf_counter()
            tracker.see(frame)
            found = time.perf_counter()
            said = static(frame, tracker.faces)
            dynamic(frame.t, [face.id for face in tracker.faces], [vector for _, vector in said])
            faces.append(found - begun)
            networks.append(time.perf_counter() - found)
        result[f"faces_of_{count}_ms"] = round(1000 * float(np.median(faces[10:])), 1)
        result[f"networks_of_{count}_ms"] = round(1000 * float(np.median(networks[10:])), 1)
    return result


def _series(finder: FaceFinder, clip: Path) -> Series:
    """The gap between the lips, 20 a second, and the share of speech, 10 a second."""
    times, gaps, sound = [], [], []
    for item in open_media(clip).items():
        if isinstance(item, Frame):
            for landmarks in finder.find(item.picture)[:1]:
                times.append(item.t)
                gaps.append(mouth_gap(landmarks))
        else:
            sound.append(item.samples)
    samples: Floats = np.concatenate(sound)
    voice, speech = SileroVoice(Silero(), 0.5), []
    for end in range(8000, len(samples) + 1, 8000):
        voice.hear(AudioWindow(end / 16_000, samples[end - 8000 : end], 8000))
        speech += [voice.share(end / 16_000 - _SLOT_S * back, _SLOT_S) for back in (4, 3, 2, 1, 0)]
    return np.interp(np.arange(0, times[-1], _FINE_S), times, gaps), np.array(speech)


def _speaker(finder: FaceFinder, clips: Path, repeats: int) -> dict[str, Any]:
    """Share of spoken seconds in which the gate gives the sound to the one of two who talks, in made conversations.

    In each there are four turns of one to three sentences; the other's mouth meanwhile rests, cries or begins to smile.
    """
    series = {clip: _series(finder, clips / clip) for clip, *_ in (*_TALK.values(), *_SILENT.values())}
    right = wrong = nobody = 0
    for seed in track(range(repeats), "conversations"):
        rng = np.random.default_rng(seed)
        gaps: tuple[list[Any], list[Any]] = ([], [])
        speech, talkers = [], []
        who = int(rng.integers(2))
        for _ in range(4):
            name = str(rng.choice(list(_TALK)))
            silent = str(rng.choice([other for other in _SILENT if other != name]))
            for _ in range(int(rng.integers(1, 4))):
                clip, begin, end = _TALK[name]
                talk = series[clip][0][round(begin / _FINE_S) : round(end / _FINE_S)]
                spoken = np.resize(series[clip][1][round(begin / _SLOT_S) : round(end / _SLOT_S)], len(talk) // 2)
                clip, begin, end = _SILENT[silent]
                rest = series[clip][0][round(begin / _FINE_S) : round(end / _FINE_S)]
                gaps[who].append(talk)
                gaps[1 - who].append(np.resize(np.roll(rest, -int(rng.integers(300))), len(talk)))
                speech.append(spoken)
                talkers.append(np.full(len(spoken), who))
            who = 1 - who if rng.random() < 0.5 else who
        mouths = [np.concatenate(one) for one in gaps]
        hits = _judge(mouths, np.concatenate(speech), np.concatenate(talkers), begin=_FINE_S * (seed % 4))
        right, wrong, nobody = right + hits[0], wrong + hits[1], nobody + hits[2]
    total = right + wrong + nobody
    return {
        "what": "which of two faces speaks",
        "speaker_right": round(right / total, 3),
        "other_face": round(wrong / total, 3),
        "nobody": round(nobody / total, 3),
        "conversations": repeats,
        "spoken_s": round(total * 0.2),
        "different_talkers": len(_TALK),
    }


def _judge(
    mouths: list[npt.NDArray[np.float64]], speech: npt.NDArray[np.float64], talkers: npt.NDArray[np.int64], begin: float
) -> tuple[int, int, int]:
    """Spoken grid instants at which the talker has the sound, the other has it, and nobody has."""
    gate, heard = Gate(), 0
    right = wrong = nobody = 0
    for t in np.arange(begin, len(speech) * _SLOT_S - _FINE_S, 0.2):
        while (heard + 5) * _SLOT_S <= t + 1e-9:  # sound is heard every half second
            gate.hear((heard + 5) * _SLOT_S, tuple(speech[heard : heard + 5]))
            heard += 5
        gate.look(t, {n: mouth[int(t / _FINE_S + 1e-6)] for n, mouth in enumerate(mouths)})
        slot = int(t / _SLOT_S + 1e-6)
        if slot < 1 or speech[max(slot - 2, 0) : slot].mean() < 0.5:
            continue
        talker = int(talkers[slot])
        if gate.joins(talker, target=False):
            right += 1
        elif gate.joins(1 - talker, target=False):
            wrong += 1
        else:
            nobody += 1
    return right, wrong, nobody
