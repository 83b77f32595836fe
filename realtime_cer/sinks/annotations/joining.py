"""How the rows of an ELAN document were joined to segments, kept in the document. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_MINIMUM, _BRIDGE = "minimum_s", "bridge_s"


@dataclass(frozen=True, slots=True)
class Joining:
    """Lengths in seconds, as in ``sinks.segments``; with both 0 every row counts as it is."""

    minimum_s: float = 0.0
    bridge_s: float = 0.0

    @property
    def properties(self) -> list[tuple[str, str]]:
        """For the header of a document; ELAN keeps properties that it does not know."""
        return [(_MINIMUM, f"{self.minimum_s:g}"), (_BRIDGE, f"{self.bridge_s:g}")]

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> Self | None:
        """From the header of a document; None where it does not tell."""
        try:
            lengths = float(properties[_MINIMUM]), float(properties[_BRIDGE])
        except (KeyError, ValueError):
            return None
        return cls(*lengths) if all(0 <= length < math.inf for length in lengths) else None

    @property
    def flags(self) -> str:
        """The same as flags of ``sessions export`` and ``score``."""
        return f"--minimum-s {self.minimum_s:g} --bridge-s {self.bridge_s:g}"
