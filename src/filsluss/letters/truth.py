"""Whether a letter that was written earlier is still true, and how it is written anew from the rows."""

from collections.abc import Sequence
from datetime import datetime

from filsluss.letters import collecting, compose
from filsluss.letters.context import About
from filsluss.models import Letter, LetterCase, TransferFile
from filsluss.models.link import LinkLost
from filsluss.rules.encryption import is_encrypted
from filsluss.rules.letter_kinds import READY_KINDS, Bundle, Source, Valid, traits_of
from filsluss.rules.policy import Policy


def is_true_at(letter: Letter, cases: Sequence[LetterCase], now: datetime) -> bool:
    """Whether what the letter says still holds for one of its cases. What tells of the past always does."""
    traits = traits_of(letter.kind)
    if traits.valid is Valid.UNTIL_DECIDED:
        return any(case.transfer.is_undecided_at(now) for case in cases)
    if letter.kind in READY_KINDS:
        return any(_file_of(case).is_open_at(now) for case in cases if case.file)
    if traits.source is Source.UNFETCHED:
        return any(case.transfer.is_open_at(now) and _unfetched(case) for case in cases)
    if traits.valid is Valid.WHILE_OPEN:
        return any(case.transfer.is_open_at(now) for case in cases)
    return True


def still_told(letter: Letter, cases: Sequence[LetterCase], now: datetime) -> Sequence[LetterCase]:
    """What the letter tells of if it is written now: of many files, those that can still be fetched."""
    if traits_of(letter.kind).bundle is not Bundle.FILES:
        return cases
    return [case for case in cases if _file_of(case).is_open_at(now)]


def has_text(letter: Letter) -> bool:
    """Whether its text is kept, and can be read with the keys of today."""
    return bool(letter.text) and not is_encrypted(letter.text)


def must_be_written_anew(letter: Letter, cases: Sequence[LetterCase], now: datetime) -> bool:
    """Whether its text is gone, or tells of a file that can no longer be fetched."""
    return len(still_told(letter, cases, now)) < len(cases) or not has_text(letter)


def write_anew(letter: Letter, cases: Sequence[LetterCase], *, policy: Policy, now: datetime) -> bool:
    """Sets the text from today's rows; False if they do not say enough, or a link cannot be derived."""
    about = _about(letter, cases, now)
    if about is None:
        return False
    try:
        compose.fill(letter, about, policy=policy, now=now)
    except LinkLost:
        return False
    return True


def _about(letter: Letter, cases: Sequence[LetterCase], now: datetime) -> About | None:
    """None for notices, and for what was known only when the letter was written."""
    if not cases or cases[0].party is None:
        return None
    source = traits_of(letter.kind).source
    if source is Source.ENTRIES:
        return collecting.still_true(letter, cases, now=now)
    transfer, party = cases[0].transfer, cases[0].party
    party.transfer = transfer
    if len(cases) > 1:
        return None
    file = _file_of(cases[0]) if cases[0].file else None
    if source is Source.CODE and file:
        return About(transfer, party, file, codes=collecting.codes_of([file], party))
    if source is Source.UNFETCHED:
        return About(transfer, party, files=_unfetched(cases[0]))
    return About(transfer, party, file) if source is Source.CASE else None


def _file_of(case: LetterCase) -> TransferFile:
    assert case.file is not None
    case.file.transfer = case.transfer
    return case.file


def _unfetched(case: LetterCase) -> list[TransferFile]:
    return list(case.transfer.files.unfetched())
