"""Candidates: letters that are due as a process read them a moment ago, in the order of delivery."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from filsluss.models import Letter
from filsluss.models.letter import LetterQuerySet
from filsluss.models.letter_queries import OF_CANDIDATE, PAGE, first_due

FRESH = 0.25
"""Seconds after which the list is read anew, so that a letter that goes before those in it soon does."""


class Holder(Protocol):
    """What the list asks of the claimant whose threads share it."""

    def hold(self, letter: Letter, /) -> bool: ...

    def held_letters(self) -> list[int]: ...

    def is_claimable(self, letter: Letter, /) -> bool: ...

    def full_domains(self) -> list[str]: ...

    def full_with_others(self) -> list[str]: ...

    def forget_all_but(self, letters: Collection[int], /) -> None: ...


class Candidates:
    """What the threads of one claimant try next, from one list, so that not each letter costs a query.

    The list promises nothing: whether a letter is due, true and free is seen when its row is claimed.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._lock = threading.Lock()
        self._letters: list[Letter] = []
        self._read_at = -FRESH
        self._lacks: frozenset[str] | None = None
        """The domains to which there may be more than is in the list; None: to any."""

    def hold_next(self, now: datetime) -> Letter | None:
        """The first letter that can be held, which then is, and has left the list; None if there is none.

        None only if the list was read since it was asked for, by whichever thread.
        """
        asked = time.monotonic()
        with self._lock:
            if asked - self._read_at >= FRESH:
                self._read(now)
            letter = self._hold_first()
            if letter is None and self._read_at < asked:
                self._read(now)
                letter = self._hold_first()
            if letter is None and not self._is_complete():
                self._read_on(now)
                letter = self._hold_first()
            return letter

    def _hold_first(self) -> Letter | None:
        full = self._holder.full_with_others()
        for place, letter in enumerate(self._letters):
            # What others deliver does not keep one waiting whose claimant has ended.
            is_free = letter.claimed_by or letter.domain not in full
            if is_free and self._holder.hold(letter):
                return self._letters.pop(place)
        return None

    def _is_complete(self) -> bool:
        return self._lacks is not None and self._lacks.issubset(self._holder.full_with_others())

    def _read(self, now: datetime) -> None:
        self._read_at, first = time.monotonic(), first_due(now)
        self._letters, self._lacks = self._claimable(first), None
        if len(first) < PAGE:
            self._lacks = frozenset()
            self._holder.forget_all_but({letter.pk for letter in first})

    def _read_on(self, now: datetime) -> None:
        """Past what others have claimed, and letters to full domains, to the next that can be held."""
        full = self._holder.full_with_others()
        due = due_letters(now).not_to(self._holder.full_domains()).unclaimed_not_to(full)
        due, known = due.only(*OF_CANDIDATE.split()), {letter.pk for letter in self._letters}
        more, passed, size = list[Letter](), 0, PAGE
        while size == PAGE and not more:
            page = list(due[passed : passed + PAGE])
            more = [letter for letter in self._claimable(page) if letter.pk not in known]
            passed, size = passed + PAGE, len(page)
        self._letters += more
        self._lacks = None if more else frozenset(full)

    def _claimable(self, letters: Sequence[Letter]) -> list[Letter]:
        held = self._holder.held_letters()  # after they were read, or one claimed meanwhile might be missed
        return [letter for letter in letters if letter.pk not in held and self._holder.is_claimable(letter)]


def due_letters(now: datetime) -> LetterQuerySet:
    """Every letter that is due and true, claimed or not, in the order of delivery."""
    return Letter.objects.due_at(now).still_true_at(now)
