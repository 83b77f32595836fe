"""What the user is told in one line, in English, in such a way that a window can say it in another language."""

from collections.abc import Mapping
from typing import Self


class Told(str):
    """A line in English that remembers what it was made of.

    Parameters
    ----------
    form : the line with places in braces, by which catalogues know it
    values : what stands in them; ``kind`` is a kind of source, ``why`` a reason that there is in English alone
    """

    __slots__ = ("form", "values")

    form: str
    values: Mapping[str, object]

    def __new__(cls, form: str, **values: object) -> Self:
        """Fill in the places."""
        line = super().__new__(cls, form.format(**values))
        line.form, line.values = form, values
        return line
