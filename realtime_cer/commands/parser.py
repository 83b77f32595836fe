"""Every flag of every command, and what ``--help`` says of it."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from realtime_cer import __version__
from realtime_cer.commands.examples import EXAMPLES
from realtime_cer.errors import Refused

# Written out, for help and doctor must also work where NumPy does not; a test holds them to rules.RULES.
_RULES = ("none", "rule1", "rule2", "rule3")

_PROFILE = "which set of networks (default: default, the program's own; import-avcer makes others)"
_CHOSEN = "(default: the profile's; in a window what was chosen there before)"


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, whose flags are written out, and whose help ends in examples."""

    def __init__(self, **words: Any) -> None:
        shown = EXAMPLES.get(words["prog"].partition(" ")[2])
        if shown is not None:
            before = words.get("epilog")
            words["epilog"] = f"{before}\n\n{shown}" if before else shown
            words["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(**words, allow_abbrev=False)

    def parse_known_args(self, *args: Any, **words: Any) -> Any:
        """Refuse what is unknown right here, and not where the command was only one word of many."""
        known, strange = super().parse_known_args(*args, **words)
        if strange:
            self.error(f"unrecognized arguments: {' '.join(strange)}")
        return known, strange

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see {self.prog} --help")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def _common(parser: argparse.ArgumentParser) -> None:
    """Flags that every analysing command has; None leaves the configuration's value."""
    group = parser.add_argument_group("recognition")
    group.add_argument("--config", type=Path, metavar="FILE", help="settings in a TOML file; flags override it")
    group.add_argument("--rule", choices=_RULES, help=f"how basic emotions become compound {_CHOSEN}")
    group.add_argument(
        "--weights",
        metavar="FILE|NAME",
        help=f"fusion weights: equal, avcer-video, avcer-7cl, avcer-8cl, or a file {_CHOSEN}",
    )
    group.add_argument("--voice", choices=["silero", "mouth"], help="what tells that somebody speaks")
    group.add_argument(
        "--engine", choices=["auto", "tensorrt", "tensorrt-rtx", "cuda", "cpu"], help="what runs the networks"
    )
    group.add_argument("--profile", metavar="NAME", help=_PROFILE)
    group.add_argument(
        "--always-decide", action="store_true", default=None, help="never abstain: the paper's bare argmax"
    )


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from realtime_cer.commands import engines, recording, replay, score, sessions

    parser = _Parser(
        prog="realtime-cer",
        description="Recognises compound expressions of a person, live, from a webcam and a microphone.",
        epilog="Start with: realtime-cer demo",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter

    live = commands.add_parser("live", help="recognise from a camera and a microphone")
    live.add_argument(
        "--camera",
        metavar="N|PATH|URL|none",
        help="by number, path or name, a network camera, or a file (default: the one picked before, else the first)",
    )
    live.add_argument(
        "--microphone",
        metavar="NAME|N|default|none",
        help="by name or number (default: the one picked before, else the system's)",
    )
    live.add_argument("--headless", action="store_true", help="print one JSON row for each decision, and nothing else")
    live.add_argument("--duration", type=_positive, metavar="S", help="stop after so many seconds")
    live.add_argument("--wizard", action="store_true", help="pick camera and microphone anew, and see that they work")
    live.add_argument("--wait", action="store_true", help="wait for a source that is not there yet")
    live.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
    live.add_argument("--metrics", type=_port, metavar="PORT", help="serve OpenMetrics text on this machine alone")
    special = live.add_mutually_exclusive_group()
    special.add_argument(
        "--kiosk",
        action="store_true",
        help="start again when it dies or hangs; waits for sources, fills the screen",
    )
    special.add_argument(
        "--clap",
        nargs="?",
        const="measure",
        choices=["measure", "forget"],
        help="measure, with flashes and beeps, how much later sound arrives than its picture; or forget it",
    )
    recording.add_arguments(live)
    live.add_argument(
        "--notice", metavar="FILE", help="with --kiosk: a text of your own that says what visitors agree to"
    )
    _common(live)

    run = commands.add_parser("run", help="recognise in a media file")
    run.add_argument("file", type=Path, metavar="FILE", help="film or sound, any common format")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    run.add_argument("--overwrite", action="store_true", help="replace results that are there")
    run.add_argument("--overlay", action="store_true", help="also write overlay.mkv: the film with what was recognised")
    run.add_argument("--pace", choices=["realtime", "fastest"], default="fastest", help="default: fastest")
    run.add_argument(
        "--alignment",
        choices=["causal", "centred"],
        default="causal",
        help="causal (default): only what was known by then, as live; centred: the paper's protocol, each frame",
    )
    run.add_argument("--annotations", metavar="LIST", help="also files for other tools: eaf,textgrid,vtt,… or all")
    _common(run)

    demo = commands.add_parser("demo", help="play a short clip as if live; needs no camera and no microphone")
    demo.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: realtime-cer-demo)")
    demo.add_argument("--overwrite", action="store_true", help="replace results that are there")
    demo.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
    _common(demo)

    annotate = commands.add_parser("annotate", help="recognise in every file of a folder, unattended")
    annotate.add_argument("folder", type=Path, metavar="FOLDER", help="holds the films and sounds, at any depth")
    annotate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    annotate.add_argument("--workers", type=_count, metavar="N", help="files at a time (default: one a processor core)")
    annotate.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on a Ray cluster: its address, or auto; without one, a Ray of this machine alone",
    )
    annotate.add_argument("--annotations", metavar="LIST", help="also files for other tools: eaf,textgrid,vtt,… or all")
    annotate.add_argument(
        "--alignment", choices=["causal", "centred"], default="causal", help="as for run (default: causal)"
    )
    annotate.add_argument(
        "--overwrite",
        action="store_true",
        help="do again what is done, and replace it; a folder that people changed is kept as NAME.before",
    )
    _common(annotate)

    devices = commands.add_parser("devices", help="list cameras, microphones and engines")
    doctor = commands.add_parser("doctor", help="check the installation, and say what to do about each failure")
    for one in (devices, doctor):
        one.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    matrix = commands.add_parser(
        "kiosk-matrix", help="what visitors of a kiosk were asked to show, and what the machine said"
    )
    matrix.add_argument(
        "--out", type=Path, metavar="DIR", help="a table and a picture there, instead of the table here"
    )
    matrix.add_argument("--clear", action="store_true", help="then begin anew")
    doctor.add_argument("--profile", metavar="NAME", help=_PROFILE)

    engines.add_arguments(commands, raw)
    sessions.add_arguments(commands, raw)
    replay.add_arguments(commands, raw, _RULES)

    score.add_arguments(
        commands.add_parser(
            "score",
            help="hold results against what a human says of the same film",
            epilog=score.EXAMPLES,
            formatter_class=raw,
        )
    )

    authors = commands.add_parser("import-avcer", help="make a profile of the authors' networks")
    authors.add_argument("folder", type=Path, metavar="DIR", help="holds the authors' three files")
    authors.add_argument("--name", default="avcer", metavar="NAME", help="of the profile (default: avcer)")
    authors.add_argument("--overwrite", action="store_true", help="replace a profile that is there")
    return parser
