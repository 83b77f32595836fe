"""How every command talks to people."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from realtime_cer.config import Config
    from realtime_cer.fusion import FusionWeights


class Talk(Console):
    """A console that prints words as they are, on lines as long as they are.

    Parameters
    ----------
    stderr : write there instead of standard output
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Whoever was reading has gone: that is for the command line to end in order."""
        raise BrokenPipeError


def notice(text: str) -> None:
    """Tell the user something that is no error; a terminal that was closed is no reason to stop what is going on."""
    with contextlib.suppress(OSError):
        print(f"realtime-cer: {text}", file=sys.stderr, flush=True)


def put_row(text: str) -> None:
    """Print one line of results, at once.

    Raises
    ------
    BrokenPipeError
        Whoever was reading has gone.
    Refused
        It cannot be written: the disk is full, for one.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise Refused(
            f"the rows cannot be written ({error.strerror}): make room or send them elsewhere; what was written is kept"
        ) from None


def drop_output() -> None:
    """Let nothing more go to standard output, where nothing can: Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_engine(config: "Config") -> None:
    """Tell which engine ``auto`` takes, and why; whoever named one knows."""
    if config.engine == "auto":
        from realtime_cer.inference.engine import chosen

        notice(chosen())


def weights_of(config: "Config") -> "FusionWeights":
    """The fusion weights that the settings name; tells of a set that does not sum to 1."""
    from realtime_cer.config import load_weights

    weights = load_weights(config.weights)
    if weights.oddity:
        notice(weights.oddity)
    if config.rule == "rule1" and weights.models is not None:
        notice(f"rule1 is made for weights without v: with {weights.name} nearly everything abstains; try --rule rule2")
    return weights
