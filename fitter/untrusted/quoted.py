"""What a file says of itself, or a library of it, made fit for a sentence: one line, short, and printable.

    quoted(error)                       # "Error while deserializing header: invalid JSON in head..."

A terminal obeys the control characters that it is sent, and a message of a megabyte tells nobody anything.
"""

MOST_CHARACTERS = 120


def quoted(words: object, most: int = MOST_CHARACTERS) -> str:
    """`words` as text of one line, at most `most` characters, unprintable ones replaced by `?`."""
    text = str(words)[: 10 * most]
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())
    return line if len(line) <= most else f"{line[:most]}..."
