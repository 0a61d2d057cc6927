"""The errors a user can cause, each one sentence: what, where, what was expected.

The command line prints the sentence on stderr and exits with `exit_status`; nothing else is shown.
"""


class HandfitError(Exception):
    """Base of every error that is the input's or the machine's fault, never the programmer's.

    A sentence quotes names and files of anybody's making: what is not printable in it, such as a terminal's control
    characters, is escaped.
    """

    exit_status = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence))


class InputError(HandfitError):
    """The input or the configuration is unusable."""

    exit_status = 2


class NoHandError(HandfitError):
    """The clip was read and searched, and no hand was found in it."""

    exit_status = 3


def printable(text: str) -> str:
    """`text` with what is neither printable nor a new line escaped: a terminal obeys the characters that it is sent."""
    return "".join(map(_escaped, text))


def one_line(text: str) -> str:
    """`printable`, on a single line."""
    return printable(" ".join(text.split()))


def _escaped(character: str) -> str:
    readable = character.isprintable() or character == "\n"
    return character if readable else character.encode("unicode_escape").decode()
