"""Parser of parameter texts with errors that point at a character."""

from typing import NoReturn

from mallard.errors import QueryError

BESIDE = 30
"""Characters that a sentence shows before and after the place."""


class Reader:
    """A text and how far it was read; ``position`` counts characters from 0, sentences count from 1."""

    def __init__(self, name: str, text: str, position: int = 0) -> None:
        """``name`` is the parameter's."""
        self.name = name
        self.whole = text
        self.position = position

    @property
    def at_end(self) -> bool:
        """True at the end of the text."""
        return self.position >= len(self.whole)

    def since(self, begin: int) -> str:
        """The text that was read from there on, without spaces at its end."""
        return self.whole[begin : self.position].rstrip()

    def take(self, text: str) -> bool:
        """Read on over ``text`` where it comes next; whether it does."""
        found = self.whole.startswith(text, self.position)
        self.position += len(text) if found else 0
        return found

    def back(self, count: int) -> None:
        """Stand some characters before: what was read is what is wrong."""
        self.position -= count

    def skip_spaces(self) -> None:
        """Stand at the next character that is none."""
        while self.whole[self.position : self.position + 1].isspace():
            self.position += 1

    def word(self, stops: str) -> str:
        """All up to one of the characters ``stops``, or the end."""
        begin = self.position
        while not self.at_end and self.whole[self.position] not in stops:
            self.position += 1
        return self.whole[begin : self.position]

    def text(self, stops: str) -> str:
        """A word without spaces at its end, or a text in quotes, where ``\\"`` is a quote and ``\\\\`` a backslash."""
        if not self.take('"'):
            return self.word(stops).rstrip()
        found = []
        while not self.take('"'):
            if self.at_end:
                self.fail('" at the end of a text in quotes', 1)
            self.take("\\")
            found.append(self.whole[self.position : self.position + 1])
            self.position += 1
        return "".join(found)

    def fail(self, allowed: str, length: int = 1) -> NoReturn:
        """QueryError that points at what stands here, ``length`` characters, and says what should."""
        here = self.position
        shown = self.whole[here : here + min(length, BESIDE)]
        before = ("…" if here > BESIDE else "") + self.whole[max(0, here - BESIDE) : here]
        found = f"has {shown!r} at character {here + 1} ({before}▸{self.whole[here : here + BESIDE]})"
        if self.at_end:
            found = f"ends after character {len(self.whole)} ({before}▸)"
        raise QueryError(f"{self.name} {found}, but there must be {allowed}.")
