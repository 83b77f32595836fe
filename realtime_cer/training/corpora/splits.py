"""Folds of unseen speakers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def folds(groups: Sequence[str] | npt.NDArray[np.str_], n: int) -> npt.NDArray[np.int64]:
    """Deal speakers to folds: the same for the same speakers, however many files each has.

    Of the names in order every second one is dealt first, then the others: where sex alternates with the number, as in
    RAVDESS, every fold gets as many men as women, give or take one. A name may carry its corpus, ``ravdess:01``;
    then the speakers of each corpus are spread evenly too.

    Parameters
    ----------
    groups : (N,) each file's speaker
    n : how many folds, at most one for each speaker

    Returns
    -------
    (N,) each file's fold, 0 to n - 1
    """
    names = [str(name) for name in groups]
    by_corpus: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        by_corpus.setdefault(name.rpartition(":")[0], []).append(name)
    order = [name for speakers in by_corpus.values() for name in (*speakers[::2], *speakers[1::2])]
    if not 1 <= n <= len(order):
        raise ValueError(f"{n} folds of {len(order)} speakers")
    fold_of = {name: place % n for place, name in enumerate(order)}
    return np.array([fold_of[name] for name in names], np.int64)
