"""Faces and voices in pairs with the same label, where no film corpus is at hand: independent given the emotion.

Nothing in them was trained on. Faces: sequences made of stills of FER+'s and RAF-DB's validation parts, at whose last
instant the static and the dynamic network speak. Voices: the acoustic network on speakers it has not heard. They come
in two halves that share no still and no speaker, so that what is fitted on one can be judged on the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer.inference.engine import Engine, load
from realtime_cer.labels import BASIC, MODELS
from realtime_cer.training import corpora
from realtime_cer.training.corpora.corpus import Corpus, CorpusError
from realtime_cer.training.corpora.doubles import copies
from realtime_cer.training.corpora.faces import validation
from realtime_cer.training.crops import crops
from realtime_cer.training.predictions import predict
from realtime_cer.training.sequences import Views, make, views
from realtime_cer.training.stored import Stored, dealt
from realtime_cer.training.unseen import read_unseen

_STILLS = 150
"""Stills of a class in a half, at most: sequences draw the classes evenly anyway."""
_VIEWS = 4
_SEQUENCES = (1_000, 12_000)
"""Sequences made for a half, at least and at most; pairs draw from them."""
_BLOCK, _BATCH = 64, 500

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Faces:
    """What the visual networks said of S sequences: static (S, 7), dynamic (S, 7), labels (S,)."""

    static: Floats
    dynamic: Floats
    labels: Indices


@dataclass(frozen=True, eq=False)
class Voices:
    """What the acoustic network said of V clips of unseen speakers: probabilities (V, 7), labels (V,).

    ``speakers`` (V,) and ``corpus`` (V,) are names; ``told`` says in words how they were made.
    """

    probabilities: Floats
    labels: Indices
    speakers: npt.NDArray[np.str_]
    corpus: npt.NDArray[np.str_]
    told: str

    def select(self, chosen: npt.NDArray[np.bool_]) -> "Voices":
        """Keep the marked clips."""
        kept = (self.probabilities[chosen], self.labels[chosen], self.speakers[chosen], self.corpus[chosen])
        return Voices(*kept, self.told)


def pairs(data: Path, voices: Voices | None, engines: Path | None, count: int, seed: int, threads: int) -> Stored:
    """Look at the faces and pair them with voices, or with none.

    Parameters
    ----------
    data : folder of the corpora
    voices : as ``read_voices`` or ``hear`` give them, or None
    engines : folder of the networks
    count : how many pairs

    Raises
    ------
    Refused
        A corpus is missing or lacks a class.
    """
    networks = {name: load(name, "cpu", engines, threads) for name in ("static", "dynamic")}
    found = stills(data)
    pictures = np.concatenate([crops(corpus) for corpus in found])
    labels = np.concatenate([corpus.labels for corpus in found])
    half = dealt(labels, seed)
    faces = []
    for side in (0, 1):
        index = _some(np.flatnonzero(half == side), labels)
        seen = _look(networks["static"], pictures[index], labels[index], seed * 2 + side)
        faces.append(_ask(networks["dynamic"], seen, count, seed * 2 + side))
    told = "FER+'s validation part and RAF-DB's validation part, seen by static {} and dynamic {}".format(
        *(networks[name].manifest.sha256[:12] for name in ("static", "dynamic"))
    )
    return paired(faces, voices, count, seed, told)


def stills(data: Path) -> tuple[Corpus, Corpus]:
    """Read the lists of RAF-DB's and FER+'s validation parts, without what FER+'s training part shows too."""
    raf, fer = corpora.load("raf-db", data, "train"), corpora.load("ferplus", data)
    valid = fer.select(np.array([path.parent.name == "FER2013Valid" for path in fer.paths]))
    chosen = raf.select(validation(raf)), valid.select(~copies(valid, fer.select(~fer.held_out)))
    for corpus in chosen:
        if not len(corpus):
            raise CorpusError(f"{corpus.name}: no picture of its validation part is in {data}")
    return chosen


def _some(index: Indices, labels: Indices) -> Indices:
    """Keep the first so many of each class: ``index`` picks from ``labels``."""
    return np.sort(np.concatenate([index[labels[index] == c][:_STILLS] for c in range(len(BASIC))]))


def _look(static: Engine, pictures: npt.NDArray[np.uint8], labels: Indices, seed: int) -> Views:
    """Run the static network on views of stills (N, 112, 112, 3)."""
    seen = []
    for first in track(range(0, len(labels), _BLOCK), description="looking at stills", transient=True):
        block = slice(first, first + _BLOCK)
        # Blocks start at different seeds, so that no two stills get the same augmentation.
        seen.append(views(static, pictures[block], labels[block], _VIEWS, seed * 1_000_003 + first))
    return Views(np.concatenate([v.features for v in seen]), np.concatenate([v.probabilities for v in seen]), labels)


def _ask(dynamic: Engine, seen: Views, count: int, seed: int) -> Faces:
    """Make sequences and ask both visual networks at their last instant."""
    static, moved, labels = [], [], []
    count = min(max(count, _SEQUENCES[0]), _SEQUENCES[1])
    for first in track(range(0, count, _BATCH), description="making sequences", transient=True):
        features, soft, said = make(seen, _BATCH, seed * 1_000_003 + first)
        static.append(said[:, -1])
        moved.append(dynamic.run(features)["probabilities"])
        labels.append(soft.argmax(axis=1))
    return Faces(np.concatenate(static), np.concatenate(moved), np.concatenate(labels))


def read_voices(path: Path) -> Voices:
    """Read what cross-validation of the acoustic network wrote: each clip judged by a network without its speaker.

    Raises
    ------
    Refused
        Not such a file.
    """
    given = read_unseen(path)
    names = given.corpus
    chosen, missing = _whole({name: given.labels[names == name] for name in np.unique(names).tolist()})
    told = f"cross-validated acoustic networks on speakers each had not heard, of {' and '.join(chosen)}{missing}"
    return Voices(given.probabilities, given.labels, given.speakers, names, told).select(np.isin(names, chosen))


def hear(data: Path, engines: Path | None, threads: int) -> Voices:
    """Let the acoustic network hear the speakers of RAVDESS and nEMO whom our training never hears.

    Raises
    ------
    Refused
        A corpus is missing, or none of their held-out speakers is there.
    """
    parts = {name: corpora.load(name, data) for name in ("ravdess", "nemo")}
    parts = {name: corpus.select(corpus.held_out) for name, corpus in parts.items() if corpus.held_out.any()}
    if not parts:
        raise CorpusError(f"no held-out speaker of RAVDESS or nEMO is in {data}; give --voices FILE of train_acoustic")
    chosen, missing = _whole({name: corpus.labels for name, corpus in parts.items()})
    said = [predict(parts[name], engines, threads) for name in chosen]
    return Voices(
        np.concatenate([one.probabilities for one in said]).astype(np.float32),
        np.concatenate([parts[name].labels for name in chosen]),
        np.concatenate([parts[name].groups for name in chosen]),
        np.repeat(chosen, [len(parts[name]) for name in chosen]),
        f"acoustic {said[0].engine.manifest.sha256[:12]} on the held-out speakers of {' and '.join(chosen)}{missing}",
    )


def _whole(labels: Mapping[str, Indices]) -> tuple[list[str], str]:
    """Choose the corpora that hold every class, else the voice would tell a class by its corpus; or all if none does.

    Returns
    -------
    their names, and in words which classes no voice has
    """
    whole = [name for name, there in labels.items() if len(np.unique(there)) == len(BASIC)]
    if whole:
        return whole, ""
    missing = [c for k, c in enumerate(BASIC) if not any(k in there for there in labels.values())]
    return list(labels), f" ({', '.join(missing)}: no voice)" if missing else ""


def paired(faces: list[Faces], voices: Voices | None, count: int, seed: int, told: str) -> Stored:
    """Draw pairs of one label, the classes evenly: a half from each of two sets of faces, with other speakers.

    Faces of a class that no voice has stay without one.

    Parameters
    ----------
    faces : of two halves that share no still
    told : where the faces come from, in words

    Raises
    ------
    CorpusError
        A class without face or voice in one of the halves.
    """
    rng = np.random.default_rng(seed)
    half = np.arange(count) % 2
    labels = np.arange(count) // 2 % len(BASIC)
    p = np.full((count, len(MODELS), len(BASIC)), np.nan, np.float32)
    source = f"faces without voices: sequences made of {told}; no still is in both halves"
    if voices is not None:
        of_voices, apart = _sides(voices, seed)
        source = (
            "pairs of faces and voices with the same label, drawn independently; faces: sequences made of "
            f"{told}; voices: {voices.told}; no still{' and no speaker' if apart else ''} is in both halves"
        )
    for side in (0, 1):
        here = half == side
        face = _draw(faces[side].labels, labels[here], rng, "face")
        p[here, MODELS.index("static")] = faces[side].static[face]
        p[here, MODELS.index("dynamic")] = faces[side].dynamic[face]
        if voices is not None:
            others = voices.select(of_voices == side)
            here &= np.isin(labels, voices.labels)
            p[here, MODELS.index("acoustic")] = others.probabilities[_draw(others.labels, labels[here], rng, "voice")]
    return Stored(p, ~np.isnan(p[:, :, 0]), labels.astype(np.int64), BASIC, source, half.astype(np.int8))


def _draw(labels: Indices, wanted: Indices, rng: np.random.Generator, what: str) -> Indices:
    """Draw an index into ``labels`` for each wanted label, with repeats."""
    chosen = np.empty(len(wanted), np.int64)
    for label in np.unique(wanted):
        pool = np.flatnonzero(labels == label)
        if not len(pool):
            raise CorpusError(f"pairs: a half has no {what} of class {BASIC[label]}: more of that class are needed")
        chosen[wanted == label] = rng.choice(pool, int((wanted == label).sum()))
    return chosen


def _sides(voices: Voices, seed: int) -> tuple[npt.NDArray[np.int8], bool]:
    """Deal the voices out to two halves (V,), speakers apart; tell whether that was possible.

    Each corpus's speakers go A B B A, which parts men and women evenly where their numbers alternate. Where that leaves
    a half without some class, as it may with two speakers, single clips are dealt out.
    """
    half = np.zeros(len(voices.labels), np.int8)
    for name in np.unique(voices.corpus):
        for k, speaker in enumerate(np.unique(voices.speakers[voices.corpus == name])):
            half[(voices.corpus == name) & (voices.speakers == speaker)] = k % 4 in (1, 2)
    first, second = (np.unique(voices.labels[half == side]) for side in (0, 1))
    if np.array_equal(first, second):
        return half, True
    return dealt(voices.labels, seed), False
