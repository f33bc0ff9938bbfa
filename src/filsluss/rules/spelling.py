"""A code spelt as people spell over the telephone, in Swedish and English."""

_SWEDISH = (
    "Adam Bertil Caesar David Erik Filip Gustav Helge Johan Kalle Martin Niklas Petter Qvintus Rudolf Sigurd "
    "Tore Viktor Wilhelm Xerxes Yngve Zäta"
)
_ENGLISH = (
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel Juliett Kilo Mike November Papa Quebec Romeo Sierra "
    "Tango Victor Whiskey Xray Yankee Zulu"
)
"""The English words are those of the ICAO; letters that no code has are left out."""


def spelt(code: str, language: str) -> list[str]:
    """Each group of four characters as words: "K7PM4QXD9T2V" as ["Kalle 7 Petter Martin", …]; digits stay."""
    words = {word[0]: word for word in (_SWEDISH if language == "sv" else _ENGLISH).split()}
    return [" ".join(words.get(char, char) for char in code[i : i + 4]) for i in range(0, len(code), 4)]
