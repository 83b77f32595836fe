"""Switches and small parts that all tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores are no fault of an example.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

pytest_plugins = ("parts.annotating", "parts.kept", "parts.listening", "parts.supervised")
"""Fixtures that several files share stand beside what they are made of."""

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests keeps their own settings, also where programs are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REALTIME_CER_CONFIG", str(tmp_path_factory.mktemp("settings")))
        patch.setenv("REALTIME_CER_LOGS", str(tmp_path_factory.mktemp("logs")))
        yield


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """A screen of Qt's own, without telling child processes of other tests."""
    return ["test", "-platform", "offscreen"]


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests."""
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own settings, pictures and films."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("REALTIME_CER_CONFIG", str(tmp_path / "config"))
    for kind in ("pictures", "videos"):
        monkeypatch.setattr(f"platformdirs.user_{kind}_path", lambda kind=kind: tmp_path / kind)


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


@pytest.fixture(scope="session")
def avcer_release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made files in the layout of the authors' release."""
    from parts.avcer import write_release

    folder = tmp_path_factory.mktemp("release")
    with _one_thread():
        write_release(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def avcer_profiles(avcer_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of profiles into which the release was imported, as avcer: half a minute of a free core."""
    from realtime_cer.commands.import_avcer import run_import

    folder = tmp_path_factory.mktemp("profiles")
    with pytest.MonkeyPatch.context() as patch, _one_thread():
        patch.setenv("REALTIME_CER_PROFILES", str(folder))
        assert run_import(avcer_release, "avcer", False) == 0
    yield folder
    shutil.rmtree(folder)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in one thread: several that wait for each other are slower where the machine is busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
