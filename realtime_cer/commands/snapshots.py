"""Pictures of the window, kept among the user's pictures."""

from collections.abc import Callable
from datetime import datetime

import platformdirs

from realtime_cer.told import Told
from realtime_cer.whole import write_whole

FOLDER = "realtime-cer"
"""Of this program, among the user's pictures and films."""


def keep_picture(png: bytes, tell: Callable[[Told], None]) -> None:
    """Write a picture under the local time as its name, and tell where it is, or why it is not."""
    path = platformdirs.user_pictures_path() / FOLDER / f"{datetime.now().strftime('%Y-%m-%d_%H-%M-%S-%f')[:-3]}.png"
    try:
        write_whole(path, png)
    except OSError as error:
        tell(Told("{path} cannot be written ({why})", path=path, why=error.strerror))
    else:
        tell(Told("kept as {path}", path=path))
