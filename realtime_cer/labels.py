"""Class names and their order: the only place in the project that writes them out."""

from typing import Final

BASIC: Final = ("Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
"""The six basic emotions and Neutral, in the paper's order."""

COMPOUND: Final = (
    "Fearfully Surprised",
    "Happily Surprised",
    "Sadly Surprised",
    "Disgustedly Surprised",
    "Angrily Surprised",
    "Sadly Fearful",
    "Sadly Angry",
)
"""The seven compound expressions, in the order of the challenge's ids 0 to 6."""

PAIRS: Final = (
    ("Fear", "Surprise"),
    ("Happiness", "Surprise"),
    ("Sadness", "Surprise"),
    ("Disgust", "Surprise"),
    ("Anger", "Surprise"),
    ("Sadness", "Fear"),
    ("Sadness", "Anger"),
)
"""The two basic emotions each compound expression is made of."""

MODELS: Final = ("static", "dynamic", "acoustic")
"""The three networks, in the order of the rows of every fusion weight matrix."""

NEUTRAL: Final = BASIC.index("Neutral")
