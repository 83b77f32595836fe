"""Switches and small parts that all tests share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores are no fault of an example.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with tests/golden/NAME, or write it there with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; run pytest --update-golden once and look at it"
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def data() -> Path:
    """The corpora folder, from REALTIME_CER_DATA."""
    folder = os.environ.get("REALTIME_CER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no corpora: REALTIME_CER_DATA does not name a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def portrait_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a real face at 25 fps, 400x400, with a tone."""
    import numpy as np
    from parts.clips import write_clip

    path = tmp_path_factory.mktemp("portrait") / "portrait.mp4"
    tone = 0.2 * np.sin(np.arange(5 * 44_100) * 0.05)[None].astype(np.float32)
    return write_clip(path, size=(400, 400), times=[n / 25 for n in range(125)], sounds=[("aac", 44_100, tone)])
