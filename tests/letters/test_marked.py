"""A letter that a mail server has taken is marked as sent, however long the database fails."""

from types import SimpleNamespace

import pytest
from django.db import InterfaceError, OperationalError

from filsluss.letters import outbox


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_a_letter_that_was_sent_is_marked_when_the_database_is_back_at_last(monkeypatch, fault, now):
    tries, slept = [], []

    def record_sent(letter, *, now):
        tries.append(now)
        if len(tries) < 200:
            raise fault("away")

    monkeypatch.setattr(outbox, "record_sent", record_sent)
    monkeypatch.setattr(outbox, "connection", SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(outbox.time, "sleep", slept.append)
    outbox.mark_sent(SimpleNamespace(key="approved:AAAA-AAAA:-:sender", tries=1), now=now)
    assert (len(tries), max(slept)) == (200, 15)
