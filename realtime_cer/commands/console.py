"""How every command talks to people."""

import sys
from typing import TYPE_CHECKING

from rich.console import Console

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
    """Tell the user something that is no error."""
    print(f"realtime-cer: {text}", file=sys.stderr)


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
