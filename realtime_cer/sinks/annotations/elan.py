"""ELAN documents: written through pympi, with what it leaves wrong put right."""

import mimetypes
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pympi.Elan import Eaf, to_string

from realtime_cer.labels import COMPOUND
from realtime_cer.sinks.annotations.joining import Joining
from realtime_cer.sinks.annotations.tiers import COMPOUND_TIER, Tier

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENGLISH = ("eng", "http://cdb.iso.org/lg/CDB-00138502-001", "English (eng)")


def write_elan(path: Path, tiers: Sequence[Tier], title: str, media: Path | None, joining: Joining) -> None:
    """Write a document with a tier for each tier; the labels of ``compound`` are a list to choose from.

    Parameters
    ----------
    path : of the file
    tiers : whose marks last at least a millisecond
    title : what was analysed
    media : the film that ELAN opens beside it; None lets ELAN ask
    joining : of the rows, told in the header
    """
    eaf = Eaf(author="realtime-cer")
    # Its own date has seconds where the minutes of the time zone belong.
    eaf.adocument["DATE"] = datetime.now().astimezone().isoformat(timespec="seconds")
    eaf.header.update(MEDIA_FILE="", TIME_UNITS="milliseconds")
    eaf.properties[:] = [("title", _clean(title)), *joining.properties]
    eaf.remove_tier("default")
    if media is not None:
        kind = mimetypes.guess_type(media.name)[0] or "unknown"
        eaf.add_linked_file(*_links(path, media), kind)
    _vocabulary(eaf)
    for tier in tiers:
        name = _clean(tier.name)
        eaf.add_tier(name, COMPOUND_TIER if tier.name == COMPOUND_TIER else "default-lt", ann="realtime-cer")
        for mark in tier.marks:
            eaf.add_annotation(name, mark.start_ms, mark.end_ms, _clean(mark.value))
    eaf.properties.append(("lastUsedAnnotationId", sum(len(tier.marks) for tier in tiers)))
    _order_slots(eaf)
    # Its own writing renames what is at that path.
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{to_string(eaf)}\n', encoding="utf-8")


def _links(path: Path, media: Path) -> tuple[str, str | None]:
    """The film's address, and its path seen from the document, as ELAN writes and reads both: nothing is encoded.

    The second is None where there is no such path, as between drives on Windows.
    """
    film, folder = media.resolve(), path.resolve().parent
    address = f"file:///{film.as_posix().removeprefix('/')}"
    try:
        way = Path(os.path.relpath(film, folder)).as_posix()
    except ValueError:
        return _clean(address), None
    return _clean(address), _clean(way if way.startswith("../") else f"./{way}")


def _vocabulary(eaf: Any) -> None:
    """Let whoever corrects choose a label instead of typing it."""
    eaf.add_language(*_ENGLISH)
    eaf.add_controlled_vocabulary(COMPOUND_TIER)
    eaf.add_cv_description(COMPOUND_TIER, _ENGLISH[0], "compound expressions")
    for number, name in enumerate(COMPOUND, 1):
        eaf.add_cv_entry(COMPOUND_TIER, f"cveid{number}", [(name, _ENGLISH[0], None)])
    eaf.add_linguistic_type(
        COMPOUND_TIER,
        param_dict={
            "LINGUISTIC_TYPE_ID": COMPOUND_TIER,
            "TIME_ALIGNABLE": "true",
            "GRAPHIC_REFERENCES": "false",
            "CONTROLLED_VOCABULARY_REF": COMPOUND_TIER,
        },
    )


def _order_slots(eaf: Any) -> None:
    """Number the time slots in the order of their times, as the format wants; pympi numbers them as they come."""
    order = sorted(eaf.timeslots, key=lambda slot: (eaf.timeslots[slot], int(slot[2:])))
    number = {slot: f"ts{n}" for n, slot in enumerate(order, 1)}
    eaf.timeslots = {number[slot]: eaf.timeslots[slot] for slot in order}
    for aligned, *_ in eaf.tiers.values():
        for one, (start, end, value, drawing) in aligned.items():
            aligned[one] = number[start], number[end], value, drawing


def _clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
