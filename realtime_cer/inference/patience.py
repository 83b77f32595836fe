"""When what fails again and again is opened anew, and when it works again."""

PATIENCE = 5
_LONGEST = 300


class Patience:
    """Counts faults: it is time to open anew after 5, 10, 20 … 320 of them, and then after every 300 more.

    At five inputs a second that is once a minute: what only a fresh start cures is not left to itself for hours. Five
    answers in a row begin the count anew: what fails at every second input does not work in between.

    Attributes
    ----------
    faults : since it worked last
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.faults, self._answers, self._due = 0, 0, PATIENCE

    def answer(self) -> bool:
        """Count an answer; gives whether with this one it works again."""
        if not self.faults:
            return False
        self._answers += 1
        if self._answers < PATIENCE:
            return False
        self._begin()
        return True

    def fault(self) -> bool:
        """Count a fault; gives whether it is time to open anew."""
        self.faults += 1
        self._answers = 0
        if self.faults < self._due:
            return False
        self._due += min(self._due, _LONGEST)
        return True
