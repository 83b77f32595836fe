"""Every text of the window and the terminal view, one catalogue for each language."""

import locale
import os
from collections.abc import Mapping
from typing import Final

from realtime_cer.errors import Refused
from realtime_cer.ui.text.catalogue import Text
from realtime_cer.ui.text.english import ENGLISH
from realtime_cer.ui.text.german import GERMAN

__all__ = ["CATALOGUES", "ENGLISH", "GERMAN", "Text", "following", "text_of"]

CATALOGUES: Final[Mapping[str, Text]] = {"en": ENGLISH, "de": GERMAN}


def text_of(language: str | None = None) -> Text:
    """The catalogue of a language, such as "de"; without one, the user's, or English.

    Raises
    ------
    Refused
        A language was named that there is none of.
    """
    if language is None:
        return CATALOGUES.get(_users(), ENGLISH)
    if language not in CATALOGUES:
        raise Refused(f"no language {language!r}; there are {', '.join(CATALOGUES)}")
    return CATALOGUES[language]


def following(text: Text) -> Text:
    """The catalogue after this one, the first after the last."""
    names = list(CATALOGUES)
    return CATALOGUES[names[(names.index(text.language) + 1) % len(names)]]


def _users() -> str:
    """The language of the user's locale, two letters, empty where it is not set."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return value[:2].lower()
    return (locale.getlocale()[0] or "")[:2].lower()
