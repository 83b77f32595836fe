"""The window over a running recogniser, for the commands that show one."""

import contextlib
import gc
import queue
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from realtime_cer.commands.console import notice
from realtime_cer.control import Control, Desk
from realtime_cer.records import Decision

if TYPE_CHECKING:
    from realtime_cer.ui.app import View
    from realtime_cer.ui.kiosk.booth import Booth
    from realtime_cer.ui.moment import Looks

_JOIN_S = 1.0


def prepare_window() -> None:
    """Load Qt, where there is a screen, while the networks are still being loaded: the first picture comes earlier."""
    from realtime_cer.ui.screen import screen_available

    if screen_available() is None:
        from realtime_cer.ui.app import application

        application()


def watch_window(
    control: Control,
    decisions: Iterator[Decision],
    *,
    title: str,
    rule: str,
    weights: str,
    lost: Callable[[], object] | None = None,
    booth: "Booth | None" = None,
    looks: "Looks | None" = None,
    desk: "Desk | None" = None,
) -> Iterator[Decision]:
    """Show a running recogniser in a window; yields its decisions as they come.

    Call from the main thread. Between two decisions the window has it; a thread of its own waits for the decisions.
    Ends when the window is closed or the decisions end; what is done with a decision must be quick.

    Parameters
    ----------
    control : what the window shows and steers
    decisions : waited for in another thread
    title, rule, weights : shown in the window
    lost : called when the display goes away, see ``ui.app.View``
    booth : makes a kiosk of it: the whole screen, kept awake
    looks : how the window looks at first, and what it needs for the why-bar and the network's crop
    desk : does what the controls ask for; without one there are none

    Raises
    ------
    BaseException
        Whatever ``decisions`` or the window raised.
    """
    from realtime_cer.ui.app import View

    rows: queue.SimpleQueue[Decision] = queue.SimpleQueue()
    errors: list[BaseException] = []
    over, closed = threading.Event(), threading.Event()

    def wait() -> None:
        try:
            for decision in decisions:
                rows.put(decision)
                if closed.is_set():
                    return
        except BaseException as error:
            errors.append(error)
        finally:
            over.set()

    # A full search for garbage through all that libraries hold takes 60 ms, in which nothing moves.
    gc.freeze()
    with contextlib.ExitStack() as stack:
        view = stack.enter_context(
            View(control, title=title, rule=rule, weights=weights, lost=lost, looks=looks, booth=booth, desk=desk)
        )
        if booth is not None:
            _take_screen(view, stack)
        waiting = threading.Thread(target=wait, name="decisions", daemon=True)
        waiting.start()
        try:
            while view.open:
                view.turn(lambda: not rows.empty() or over.is_set())
                while not rows.empty():
                    yield rows.get()
                if over.is_set() and rows.empty():
                    break
            if view.open and control.ended and not errors:
                view.linger()
        finally:
            closed.set()
            gc.unfreeze()
    waiting.join(_JOIN_S)
    while not rows.empty():
        yield rows.get()
    if errors:
        raise errors[0]


def _take_screen(view: "View", stack: contextlib.ExitStack) -> None:
    """Fill the screen, and keep it awake until the stack is left."""
    from realtime_cer.ui.kiosk.awake import awake

    screen = view.window.screen()
    if screen is not None:
        view.window.setGeometry(screen.geometry())  # a display without a window manager makes nothing larger
    view.window.showFullScreen()
    if not stack.enter_context(awake()):
        notice("nothing was found that keeps the screen awake: turn its saver off in the system's settings")
