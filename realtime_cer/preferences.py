"""What a user chose with the window's controls, remembered in the user's configuration folder.

One small JSON file: in ``REALTIME_CER_CONFIG``, or where the system keeps such things. Flags and a named
configuration come before it; without a window it is not looked at, so that rows depend on what was said alone.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime_cer.config import DEFAULT_PROFILE, Config
from realtime_cer.errors import Refused
from realtime_cer.rules import Rule
from realtime_cer.whole import write_whole

FILE = "window.json"


class Preferences(BaseModel):
    """What was chosen; None where nothing was."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    theme: Literal["dark", "light"] | None = None
    language: Literal["auto", "en", "de"] | None = None
    smoothing_s: float | None = Field(None, ge=0, le=3)
    mirror: bool | None = None
    size: tuple[int, int] | None = Field(None, description="of the window, in pixels")
    rule: Rule | None = None
    weights: str | None = None
    profile: str = Field(DEFAULT_PROFILE, description="with whose networks rule and weights were chosen")

    def applied(self, config: Config) -> Config:
        """The settings, with what was chosen where neither a file nor a flag says anything.

        Rule and weights suit the networks they were chosen with: another profile brings its own.
        """
        window, chosen = config.window, self.model_dump(exclude_none=True)
        looks = {key: chosen[key] for key in chosen.keys() & type(window).model_fields.keys() - window.model_fields_set}
        free = {"rule", "weights"} - config.model_fields_set if self.profile == config.profile else set()
        others = {key: chosen[key] for key in chosen.keys() & free}
        return config.model_copy(update={**others, "window": window.model_copy(update=looks)})

    def deciding(self, profile: str, **chosen: str | None) -> dict[str, str | None]:
        """What changes when a rule or weights are chosen: those of another profile are forgotten."""
        others = {} if self.profile == profile else {"rule": None, "weights": None}
        return {**others, **chosen, "profile": profile}


def preferences_file() -> Path:
    """Where they are kept, there or not."""
    own = os.environ.get("REALTIME_CER_CONFIG")
    return (Path(own) if own else platformdirs.user_config_path("realtime_cer", appauthor=False)) / FILE


def read_preferences(notice: Callable[[str], object]) -> Preferences:
    """What is remembered; nothing where there is no file.

    Parameters
    ----------
    notice : told, in one line, of a file that cannot be used; nothing is remembered then
    """
    path = preferences_file()
    try:
        return Preferences.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Preferences()
    except OSError as error:
        notice(f"what the window remembers, {path}, cannot be read ({error.strerror}): going on without")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = " ".join(f"{place}: {first['msg']}".removeprefix(": ").split())
        notice(f"what the window remembers, {path}, is damaged ({why}): going on without; the next change replaces it")
    return Preferences()


def write_preferences(kept: Preferences) -> Path:
    """Remember; gives the file.

    Raises
    ------
    Refused
        It cannot be written.
    """
    path = preferences_file()
    try:
        write_whole(path, (kept.model_dump_json(exclude_none=True, indent=2) + "\n").encode())
    except OSError as error:
        raise Refused(
            f"what the window remembers, {path}, cannot be written ({error.strerror}): "
            "name another folder with REALTIME_CER_CONFIG"
        ) from None
    return path
