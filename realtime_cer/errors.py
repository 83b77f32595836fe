"""The exceptions that are part of the program's ways: what it refuses, and an engine that has no answer."""


class Refused(Exception):
    """Bad input: one line that names the thing and the remedy. The command line prints it and exits with code 2."""


class EngineFault(Exception):
    """A network has no answer to one input: its last engine fails as well, or what it gives are no numbers.

    The next input may be answered. ``network`` names the model that is missing, ``why`` says what failed.
    """

    def __init__(self, network: str, why: str) -> None:
        super().__init__(f"{network}: {why}")
        self.network = network
        self.why = why
