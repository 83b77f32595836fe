"""The pictures that README and docs show: all there, all small, and one for every state in which nothing is named."""

import re
from pathlib import Path

import pytest

from realtime_cer.rules import REASONS
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.text import ENGLISH

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)]+)\)")
MOST_BYTES = 125_000


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_everything_a_page_links_is_there_and_pictures_are_told_in_words(page: str) -> None:
    path = ROOT / page
    links = LINK.findall(path.read_text(encoding="utf-8"))
    for kind, told, target in links:
        assert told or not kind, f"{target} says nothing to who cannot see it"
        if "://" not in target:
            name, _, place = target.partition("#")
            assert (path.parent / name).is_file(), target
            assert not place or place in places(path.parent / name), target


def places(page: Path) -> set[str]:
    """The headings of a page, as they are linked."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_picture_of_the_window_is_small_and_shown() -> None:
    page = (ROOT / "docs" / "window.md").read_text(encoding="utf-8")
    pictures = sorted((ROOT / "docs").glob("window-*.png"))
    assert pictures
    for picture in pictures:
        assert f"({picture.name})" in page, f"{picture.name} is shown nowhere"
        assert picture.stat().st_size <= MOST_BYTES, f"{picture.name} is too large to be kept"


def test_every_reason_to_abstain_has_its_picture() -> None:
    told = [words.lower() for _, words, _ in LINK.findall((ROOT / "docs" / "window.md").read_text(encoding="utf-8"))]
    for reason in REASONS:
        assert any(ENGLISH.reasons[reason] in words for words in told), reason


def test_every_key_of_the_window_is_told() -> None:
    page = (ROOT / "docs" / "window.md").read_text(encoding="utf-8")
    for one in BINDINGS:
        assert f"| {one.cap} | {ENGLISH.keys[one.action]} |" in page
