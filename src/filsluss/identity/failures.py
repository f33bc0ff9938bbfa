"""What may go wrong with a provider."""


class ProviderAway(Exception):
    """It cannot be asked: it does not answer, answers too late, too much or in no form that is understood.

    The text says what, for the log and for `filsluss check`.
    """


class TokenRefused(Exception):
    """What it, or somebody in its name, says of a person cannot be believed; `code` says why."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(f"{code}: {why}" if why else code)
        self.code = code
