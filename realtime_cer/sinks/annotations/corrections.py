"""What a human says about a film: one tier of labels, from an ELAN document or a CSV table."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.sinks.annotations.joining import Joining
from realtime_cer.sinks.annotations.spans import read_spans
from realtime_cer.sinks.annotations.tiers import COMPOUND_TIER, Mark

_LABELS = {name.casefold(): name for name in COMPOUND}
_BEYOND_MS = 1000
"""A mark may end this much after the last row: sound is often longer than the picture."""


def read_corrections(path: Path, span_ms: tuple[int, int], tier: str = COMPOUND_TIER) -> list[Mark]:
    """Read one tier, whose values are compound labels; where it has no mark, nothing is expressed.

    Parameters
    ----------
    path : an ELAN document (``.eaf``), or a table as ``export --format csv`` writes it
    span_ms : from where to where the rows of the film reach, in milliseconds
    tier : its name

    Returns
    -------
    Marks in the order of time, none over another, values out of ``labels.COMPOUND``.

    Raises
    ------
    Refused
        The file is torn or another's, the tier is missing, or a mark has no such label, lies over another or outside
        the film.
    OSError
        It cannot be read.
    """
    if path.suffix.lower() not in (".eaf", ".csv", ".tsv", ".txt"):
        raise Refused(f"{path} is neither .eaf nor .csv: give corrections that ELAN or a spreadsheet saved")
    found = read_elan(path) if path.suffix.lower() == ".eaf" else read_spans(path)
    if tier not in found:
        there = ", ".join(sorted(found)) or "none"
        raise Refused(f"{path} has no tier {tier!r}: name one of those there with --tier ({there})")
    return _checked(path, tier, found[tier], span_ms)


def read_joining(path: Path) -> Joining | None:
    """How the segments of an exported ELAN document were made of rows; None where a file does not tell.

    Raises
    ------
    Refused
        It is no ELAN document, or torn.
    OSError
        It cannot be read.
    """
    if path.suffix.lower() != ".eaf":
        return None
    return Joining.of({one.get("NAME", ""): one.text or "" for one in _document(path).iter("PROPERTY")})


def _checked(path: Path, tier: str, marks: Sequence[Mark], span_ms: tuple[int, int]) -> list[Mark]:
    checked = []
    for mark in sorted(marks, key=lambda mark: (mark.start_ms, mark.end_ms)):
        where = f"{path}, tier {tier}, {_clock(mark)}"
        label = _LABELS.get(" ".join(mark.value.replace("_", " ").split()).casefold())
        if label is None:
            told = f"{mark.value!r} is no compound expression" if mark.value.strip() else "the label is empty"
            raise Refused(f"{where}: {told}; choose of {', '.join(COMPOUND)}, or remove the mark")
        if mark.end_ms <= mark.start_ms:
            raise Refused(f"{where}: it ends before it starts; put its times right")
        if mark.start_ms < span_ms[0] or mark.end_ms > span_ms[1] + _BEYOND_MS:
            film = f"{span_ms[0] / 1000:g} to {span_ms[1] / 1000:g} s"
            raise Refused(f"{where}: outside the film ({film}); give the corrections of this film")
        checked.append(Mark(mark.start_ms, mark.end_ms, label))
    for one, other in pairwise(checked):
        if other.start_ms < one.end_ms:
            raise Refused(f"{path}, tier {tier}: {_clock(one)} and {_clock(other)} overlap; let one end first")
    return checked


def _clock(mark: Mark) -> str:
    return f"{mark.start_ms / 1000:g} to {mark.end_ms / 1000:g} s"


def read_elan(path: Path) -> dict[str, list[Mark]]:
    """Marks by tier of an ELAN document of any version; marks whose times ELAN leaves open are left out.

    Read here: pympi stops with a KeyError at documents that ELAN opens. Marks of a tier that refers to another have
    the times of what they refer to.

    Raises
    ------
    Refused
        It is no ELAN document, or torn.
    OSError
        It cannot be read.
    """
    try:
        return _marks(_document(path))
    except (LookupError, ValueError) as error:
        raise _torn(path, error) from None


def _document(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise _torn(path, error) from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise Refused(f"{path} is no ELAN document but {root.tag}: give one that ELAN saved")
    return root


def _torn(path: Path, error: Exception) -> Refused:
    return Refused(f"{path} is torn or no ELAN document ({error}): save it again in ELAN")


def _marks(root: ElementTree.Element) -> dict[str, list[Mark]]:
    slots = {slot.attrib["TIME_SLOT_ID"]: slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    every = {one.attrib["ANNOTATION_ID"]: one for kind in _KINDS for one in root.iter(kind)}
    found: dict[str, list[Mark]] = {}
    for tier in root.iter("TIER"):
        marks = found.setdefault(tier.attrib["TIER_ID"], [])
        for one in (one for kind in _KINDS for one in tier.iter(kind)):
            at = _aligned(one, every)
            times = [slots[at.attrib[f"TIME_SLOT_REF{n}"]] for n in (1, 2)]
            if None not in times:
                start, end = (int(time) for time in times if time is not None)
                marks.append(Mark(start, end, one.findtext("ANNOTATION_VALUE") or ""))
    return found


_KINDS = ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")


def _aligned(one: ElementTree.Element, every: Mapping[str, ElementTree.Element]) -> ElementTree.Element:
    """The annotation with times that another refers to, over as many steps as there are."""
    for _ in every:
        if one.tag == "ALIGNABLE_ANNOTATION":
            return one
        one = every[one.attrib["ANNOTATION_REF"]]
    raise ValueError("annotations that refer to each other in a circle")
