"""The camera and the microphone that the user picked, by name, in the user's configuration folder."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from realtime_cer.capture.offsets import offsets_file
from realtime_cer.errors import Refused
from realtime_cer.whole import write_whole

FILE = "devices.json"


class Remembered(BaseModel):
    """Names of devices as ``devices`` lists them; None for going on without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: str | None
    microphone: str | None


def remembered_file() -> Path:
    """Where it is kept, there or not: beside the measured offsets."""
    return offsets_file().with_name(FILE)


def read_remembered(notice: Callable[[str], object]) -> Remembered | None:
    """What was picked, or None; ``notice`` is told of a file that cannot be used."""
    path = remembered_file()
    try:
        return Remembered.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        notice(f"remembered devices {path} cannot be read ({error.strerror}): pick them anew")
    except ValidationError:
        notice(f"remembered devices {path} are damaged: pick them anew")
    return None


def write_remembered(picked: Remembered) -> None:
    """Keep what was picked.

    Raises
    ------
    Refused
        The file cannot be written.
    """
    path = remembered_file()
    try:
        write_whole(path, picked.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        raise Refused(
            f"remembered devices {path} cannot be written ({error.strerror}): "
            "name another folder with REALTIME_CER_CONFIG"
        ) from None
