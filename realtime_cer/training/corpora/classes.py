"""What every corpus's own labels are to us: the one table of class maps. None: left out.

Sources: the corpora's papers and read-me files, held against programs that read them. For C-EXPR-DB, whose labels have
not been handed out, it is the order of classes in the challenge's result files.
"""

from collections.abc import Mapping
from typing import TypeVar

from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.training.corpora.corpus import CorpusError

Code = TypeVar("Code", int, str)

# Li and Deng 2017: EmoLabel/list_patition_label.txt counts from 1.
RAF_DB: Mapping[int, str | None] = {
    1: "Surprise",
    2: "Fear",
    3: "Disgust",
    4: "Happiness",
    5: "Sadness",
    6: "Anger",
    7: "Neutral",
}

# RAF-CE's 14 compound classes: the challenge has seven of them.
RAF_CE: Mapping[int, str | None] = {
    0: "Happily Surprised",
    1: None,  # happily disgusted
    2: "Sadly Fearful",
    3: "Sadly Angry",
    4: "Sadly Surprised",
    5: None,  # sadly disgusted
    6: None,  # fearfully angry
    7: "Fearfully Surprised",
    8: None,  # fearfully disgusted
    9: "Angrily Surprised",
    10: None,  # angrily disgusted
    11: "Disgustedly Surprised",
    12: None,  # happily fearful
    13: None,  # happily sad
}

# Barsoum et al. 2016: the columns of fer2013new.csv.
FERPLUS: Mapping[str, str | None] = {
    "neutral": "Neutral",
    "happiness": "Happiness",
    "surprise": "Surprise",
    "sadness": "Sadness",
    "anger": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "contempt": None,
    "unknown": None,
    "NF": None,
}

CK48: Mapping[str, str | None] = {
    "anger": "Anger",
    "contempt": None,
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "sadness": "Sadness",
    "surprise": "Surprise",
}

# Mollahosseini et al. 2017.
AFFECTNET: Mapping[int, str | None] = {
    0: "Neutral",
    1: "Happiness",
    2: "Sadness",
    3: "Surprise",
    4: "Fear",
    5: "Disgust",
    6: "Anger",
    7: None,  # contempt
    8: None,  # none of them
    9: None,  # uncertain
    10: None,  # no face
}

# Livingstone and Russo 2018: the third number of a file's name. Calm counts as neutral.
RAVDESS: Mapping[str, str | None] = {
    "01": "Neutral",
    "02": "Neutral",
    "03": "Happiness",
    "04": "Sadness",
    "05": "Anger",
    "06": "Fear",
    "07": "Disgust",
    "08": "Surprise",
}

# Burkhardt et al. 2005: the German words' first letters. L is boredom.
EMO_DB: Mapping[str, str | None] = {
    "W": "Anger",
    "E": "Disgust",
    "A": "Fear",
    "F": "Happiness",
    "T": "Sadness",
    "N": "Neutral",
    "L": None,
}

NEMO: Mapping[str, str | None] = {
    "anger": "Anger",
    "fear": "Fear",
    "happiness": "Happiness",
    "neutral": "Neutral",
    "sadness": "Sadness",
    "surprised": "Surprise",
}

# ps is pleasant surprise.
TESS: Mapping[str, str | None] = {
    "angry": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happiness",
    "neutral": "Neutral",
    "ps": "Surprise",
    "sad": "Sadness",
}

# Cao et al. 2014: what the actor meant, not what the raters heard. It has no surprise.
CREMA_D: Mapping[str, str | None] = {
    "ANG": "Anger",
    "DIS": "Disgust",
    "FEA": "Fear",
    "HAP": "Happiness",
    "NEU": "Neutral",
    "SAD": "Sadness",
}

# Haq and Jackson 2009: the letters before a file's number.
SAVEE: Mapping[str, str | None] = {
    "a": "Anger",
    "d": "Disgust",
    "f": "Fear",
    "h": "Happiness",
    "n": "Neutral",
    "sa": "Sadness",
    "su": "Surprise",
}

# Busso et al. 2008. Excitement counts as happiness, as most of the field counts it.
IEMOCAP: Mapping[str, str | None] = {
    "neu": "Neutral",
    "ang": "Anger",
    "dis": "Disgust",
    "fea": "Fear",
    "hap": "Happiness",
    "exc": "Happiness",
    "sad": "Sadness",
    "sur": "Surprise",
    "fru": None,  # frustration
    "oth": None,
    "xxx": None,  # the raters disagreed
}

# Perepelkina et al. 2018: columns of Annotations_by_files/NAME_ann.csv.
RAMAS: Mapping[str, str | None] = {
    "Angry": "Anger",
    "Sad": "Sadness",
    "Disgusted": "Disgust",
    "Happy": "Happiness",
    "Scared": "Fear",
    "Surprised": "Surprise",
    "Neutral": "Neutral",
}

# Kollias and Zafeiriou: expression labels of the ABAW challenges. -1: not annotated.
AFFWILD2: Mapping[int, str | None] = {-1: None, **dict(enumerate(BASIC)), 7: None}

# Kollias 2023: the order of the challenge, and Other, written as in AffWild2.
C_EXPR_DB: Mapping[int, str | None] = {-1: None, **dict(enumerate(COMPOUND)), 7: None}

# Dhall et al. 2012: folders of the EmotiW challenges.
AFEW: Mapping[str, str | None] = {
    "Angry": "Anger",
    "Disgust": "Disgust",
    "Fear": "Fear",
    "Happy": "Happiness",
    "Neutral": "Neutral",
    "Sad": "Sadness",
    "Surprise": "Surprise",
}

# Poria et al. 2019.
MELD: Mapping[str, str | None] = {
    "neutral": "Neutral",
    "anger": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "joy": "Happiness",
    "sadness": "Sadness",
    "surprise": "Surprise",
}


def label_of(table: Mapping[Code, str | None], code: Code, where: str, classes: tuple[str, ...] = BASIC) -> int | None:
    """Return the index into ``classes`` of a corpus's own label; None where the table leaves it out.

    Raises
    ------
    CorpusError
        The label is not in the table; ``where`` begins the line: corpus, file, and what the code is.
    """
    if code not in table:
        raise CorpusError(f"{where} {code!r} is none of {', '.join(map(str, table))}")
    name = table[code]
    return None if name is None else classes.index(name)


def occurring(table: Mapping[Code, str | None]) -> tuple[str, ...]:
    """Return the classes that a corpus has, in our order."""
    return tuple(name for name in BASIC if name in table.values())
