"""The one exception for input and settings that the program refuses."""


class Refused(Exception):
    """Bad input: one line that names the thing and the remedy. The command line prints it and exits with code 2."""
