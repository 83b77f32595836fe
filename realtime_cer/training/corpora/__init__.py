"""Readers of the corpora in their official layouts: one table of names, one record for all."""

from pathlib import Path

from realtime_cer.training.corpora.corpus import Corpus, CorpusError, Reader, cache_folder, locate
from realtime_cer.training.corpora.faces import READERS as FACES
from realtime_cer.training.corpora.films import READERS as FILMS
from realtime_cer.training.corpora.speech import READERS as SPEECH

READERS: dict[str, Reader] = {**FACES, **SPEECH, **FILMS}
"""Name on the command line: reader of a folder."""

NAMES = tuple(READERS)

__all__ = ["NAMES", "READERS", "Corpus", "CorpusError", "cache_folder", "load"]


def load(name: str, data: Path, part: str = "all") -> Corpus:
    """Read a corpus's lists (no media yet).

    Parameters
    ----------
    name : one of ``NAMES``
    data : the corpus folder itself, a folder that holds it, or one that holds its ``.tar``
    part : ``all``, ``held-out`` (what our training never saw) or ``train``

    Raises
    ------
    CorpusError
        With one line that names the file that was expected, or what is wrong in it.
    """
    reader = READERS[name]
    corpus = reader.read(locate(name, data, reader))
    if part == "held-out":
        corpus = corpus.select(corpus.held_out)
    elif part == "train":
        corpus = corpus.select(~corpus.held_out)
    if not len(corpus):
        raise CorpusError(f"{name}: nothing to read in part '{part}' of {data}")
    return corpus
