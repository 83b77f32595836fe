"""The command line: runs the command that the flags name, turns refusals into one line, and sets the exit code."""

import argparse
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

from realtime_cer.commands.console import drop_output, notice
from realtime_cer.commands.ending import INTERRUPTED, Signals, leave
from realtime_cer.commands.parser import build_parser
from realtime_cer.errors import Refused

DONE, FAULT, REFUSED = 0, 1, 2

_PATIENCE_S, _LIMIT_S = 1.5, 4.0
"""How soon a live program must notice a signal, and have ended; a film that is being written may be finished."""


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The flags that override the configuration."""
    return {
        "rule": options.rule,
        "weights": options.weights,
        "voice.source": options.voice,
        "engine": options.engine,
        "profile": options.profile,
        "always_decide": options.always_decide,
        "kiosk.notice": getattr(options, "notice", None),
    }


def _wizard(options: argparse.Namespace) -> bool:
    """Whether the user is to pick the sources."""
    if options.wizard and (options.camera or options.microphone or options.headless or options.kiosk):
        raise Refused(
            "--wizard picks camera and microphone in a window: leave out the flags that name them or do without"
        )
    return bool(options.wizard)


def _need_clap_alone(options: argparse.Namespace) -> None:
    """Refuse flags of ``live`` that say nothing to the clap test."""
    others = ("headless", "duration", "wait", "metrics", "record", "keep", "wizard", "no_window")
    given = [f"--{name.replace('_', '-')}" for name in others if getattr(options, name) not in (None, False)]
    if given:
        raise Refused(f"--clap measures in a window, and ends by itself: leave out {', '.join(given)}")


def _need_kiosk_window(options: argparse.Namespace) -> None:
    """Refuse a notice that nobody would see; a recording kiosk needs one in words, whatever it shows."""
    if options.notice is None or (options.kiosk and (options.record or options.keep)):
        return
    if not options.kiosk:
        raise Refused("--notice is what a kiosk's window shows: add --kiosk, or leave --notice out")
    blind = [f"--{name.replace('_', '-')}" for name in ("headless", "no_window") if getattr(options, name)]
    if blind:
        raise Refused(f"--notice is shown in the kiosk's window: leave out {blind[0]}, or --notice")


def _dispatch(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Run one command, given by ``words``; heavy parts are imported by the command that needs them."""
    if options.command == "devices":
        from realtime_cer.commands.devices import run_devices

        return run_devices(as_json=options.json)
    if options.command == "doctor":
        from realtime_cer.commands.doctor import run_doctor

        if options.profile is None:
            return run_doctor(as_json=options.json)
        from realtime_cer.inference.profile import read_profile

        return run_doctor(as_json=options.json, folder=read_profile(options.profile).folder)
    if options.command == "kiosk-matrix":
        from realtime_cer.commands.room import run_matrix

        return run_matrix(options.out, clear=options.clear)
    if options.command == "engines":
        from realtime_cer.commands.engines import run_engines

        return run_engines(options)
    if options.command == "score":
        from realtime_cer.commands.score import run_score

        return run_score(options)
    if options.command == "sessions":
        from realtime_cer.commands.sessions import run_sessions

        return run_sessions(options)
    if options.command == "replay":
        from realtime_cer.commands.replay import run_replay

        return run_replay(options)
    if options.command == "import-avcer":
        from realtime_cer.commands.import_avcer import run_import

        return run_import(options.folder, options.name, options.overwrite)

    from realtime_cer.config import read_config
    from realtime_cer.inference.profile import settled

    if options.command == "live":
        _need_kiosk_window(options)
    config = read_config(options.config, _settings(options))
    if options.command == "live" and not (options.headless or options.no_window or options.kiosk or options.clap):
        from realtime_cer.commands.desk import remembered

        config = remembered(config)
    config = settled(config)
    if options.command == "live" and options.kiosk:
        from realtime_cer.commands.heart import supervised

        if not supervised():
            from realtime_cer.commands.kiosk import run_kiosk

            return run_kiosk(words, config, camera=options.camera, duration_s=options.duration)
    if options.command in ("live", "demo") and sys.stderr is sys.__stderr__:
        from realtime_cer.quiet import mute_native

        mute_native()
    if options.command == "run":
        from realtime_cer.commands.run import run_file

        return run_file(
            options.file,
            options.out,
            config,
            overwrite=options.overwrite,
            pace=options.pace,
            overlay=options.overlay,
            alignment=options.alignment,
            annotations=options.annotations,
        )
    if options.command == "annotate":
        from realtime_cer.commands.annotate import run_annotate

        return run_annotate(options, config)
    if options.command == "demo":
        from realtime_cer.commands.demo import run_demo

        return run_demo(options.out, config, overwrite=options.overwrite, window=not options.no_window)

    if options.clap:
        _need_clap_alone(options)
        from realtime_cer.commands.clap import run_clap

        return run_clap(options.camera, options.microphone, config, forget=options.clap == "forget")

    from realtime_cer.commands.live import run_live
    from realtime_cer.commands.recording import recording_of, terms_of

    return run_live(
        config,
        camera=options.camera,
        microphone=options.microphone,
        headless=options.headless,
        duration_s=options.duration,
        wait=options.wait,
        window=not options.no_window,
        record=recording_of(options),
        keep=options.keep,
        terms=terms_of(options),
        metrics=options.metrics,
        kiosk=options.kiosk,
        wizard=_wizard(options),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code: 0 done, 1 a fault of ours, 2 refused, 130 interrupted."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # A path may hold what this terminal has no letters for: then as numbers, as on standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    noticed = kiosk = False
    try:
        words = sys.argv[1:] if arguments is None else arguments
        options = build_parser().parse_args(words)
        kiosk = getattr(options, "kiosk", False)
        live = options.command == "live"
        with Signals(_PATIENCE_S if live or options.command == "demo" else None, _LIMIT_S if live else None) as signals:
            try:
                return _dispatch(options, words)
            finally:
                noticed = signals.noticed
    except Refused as refusal:
        notice(" ".join(str(refusal).split("\n")))
        return REFUSED
    except ImportError as error:
        if noticed:  # the interruption came while a native module was being loaded, and was swallowed by it
            return INTERRUPTED
        if ".so" not in str(error) and "DLL" not in str(error):
            raise
        notice(f"a system library is missing ({error}): realtime-cer doctor says which")
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()  # the reader of our rows has gone: nothing more to say
        if kiosk:  # which does not end by itself
            from realtime_cer.commands.heart import UNREAD

            return UNREAD
        return DONE


def program() -> NoReturn:
    """Entry point: ``main``, and the end of the process, which nothing holds up."""
    try:
        code = main()
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        code = FAULT
    leave(code)


if __name__ == "__main__":
    program()
