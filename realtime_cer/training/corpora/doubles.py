"""Pictures that two corpora, or two parts of one, share: found by what they show, or byte for byte."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from realtime_cer.quiet import cv2
from realtime_cer.training.corpora.corpus import Corpus, CorpusError, cache_folder
from realtime_cer.training.corpora.frames import read_picture
from realtime_cer.whole import whole

_SIDE = 16
_VERSION = 1

NEAR = 20
"""Of 256 bits so many may differ between copies: saved anew at JPEG quality 50, 99 of 100 pictures keep within 19.

The nearest different pictures of RAF-DB and RAF-CE, another moment of the same face, are 24 bits apart.
"""

Bits = npt.NDArray[np.uint64]


def without_doubles(corpus: Corpus, other: Corpus) -> Corpus:
    """Leave out of a picture corpus what another shows again: RAF-CE has some hundred pictures of RAF-DB.

    Finds copies at any size and quality, but none that was cut or turned in another way.
    """
    return corpus.select(distances(fingerprints(corpus), fingerprints(other)) > NEAR)


def copies(corpus: Corpus, other: Corpus) -> npt.NDArray[np.bool_]:
    """Mark the files of a corpus that another holds byte for byte, (N,): FER2013's parts share hundreds."""
    known = {_digest(path) for path in other.paths}
    return np.array([_digest(path) in known for path in corpus.paths], bool)


def fingerprints(corpus: Corpus) -> Bits:
    """Return 256 bits for each picture, (N, 4): whether grey rises from left to right in a grid of 16x16; cached."""
    stats = "\n".join(f"{path.name}:{path.stat().st_size}" for path in corpus.paths)
    key = hashlib.sha256(f"{_VERSION}\n{stats}".encode()).hexdigest()[:16]
    file = cache_folder() / "fingerprints" / f"{corpus.name}-{key}.npy"
    if not file.is_file():
        paths = track(corpus.paths, description=f"comparing {corpus.name}", transient=True)
        made = np.stack([_bits(read_picture(path)) for path in paths])
        with whole(file) as part, part.open("wb") as out:
            np.save(out, made)
    return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]  # load is untyped


def distances(ours: Bits, others: Bits) -> npt.NDArray[np.int64]:
    """Return for each of ours, (N, 4), how many bits differ from the nearest of the others, (M, 4): (N,)."""
    nearest = [np.bitwise_count(bits ^ others).sum(1, dtype=np.int64).min() for bits in ours]
    return np.array(nearest, np.int64)


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise CorpusError(f"cannot read picture {path}: {error.strerror}") from None


def _bits(picture: npt.NDArray[np.uint8]) -> Bits:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)
