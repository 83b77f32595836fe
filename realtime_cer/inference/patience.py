"""When what fails again and again is opened anew."""

PATIENCE = 5
_LONGEST = 300


class Patience:
    """Counts faults in a row: it is time to open anew after 5, 10, 20 … 320 of them, and then after every 300 more.

    At five inputs a second that is once a minute: what only a fresh start cures is not left to itself for hours.

    Attributes
    ----------
    faults : since the last ``reset``
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: it works."""
        self.faults, self._due = 0, PATIENCE

    def fault(self) -> bool:
        """Count one; gives whether it is time to open anew."""
        self.faults += 1
        if self.faults < self._due:
            return False
        self._due += min(self._due, _LONGEST)
        return True
