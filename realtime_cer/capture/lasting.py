"""What stays of a microphone's name when its system numbers its cards anew. Pure."""

import re

_CARD = re.compile(r" \(hw:\d+,(\d+)\)$")
"""ALSA's number of a card, and the device on it, which stays."""
_PORT = re.compile(r"(^|\()\d+- ")
"""Windows' number of a device that was plugged into another port."""


def lasting_name(name: str) -> str:
    """Give a name without the number of its card.

    >>> lasting_name("C920: USB Audio (hw:1,0)")
    'C920: USB Audio (hw:*,0)'
    >>> lasting_name("Microphone (2- USB Audio)")
    'Microphone (USB Audio)'
    """
    return _PORT.sub(r"\1", _CARD.sub(r" (hw:*,\1)", name))
