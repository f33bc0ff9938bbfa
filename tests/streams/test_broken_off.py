"""A download that cannot go on is cut, so that nobody takes it for whole, and a line of the log says why."""

import logging
import os
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
from django.db import InterfaceError, OperationalError

from filsluss import outages
from filsluss.blobs import BlobMissing, StoreAway
from filsluss.models import Transfer, TransferFile
from filsluss.origin import NOWHERE, Origin, current_origin, set_origin
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import FileState, State
from filsluss.streams import archive, downloads, recording
from filsluss.streams.ranges import Span
from filsluss.streams.responses import Refusal
from filsluss.streams.sending import SendingBlob, still_downloadable
from tests.letters.cases import make_file, make_transfer
from tests.parts.eventually import eventually

LINK = SimpleNamespace(file="a.pdf")
FAULTS = [OperationalError("away"), InterfaceError("away"), StoreAway("away")]


@pytest.fixture(autouse=True)
def no_outage_that_others_have_met(monkeypatch):
    for name in ("database", "store"):
        monkeypatch.setattr(outages, name, outages.Outage(f"the {name}"))


@pytest.fixture
def active():
    found = Mock(is_cut=False)
    found.cut.side_effect = lambda: setattr(found, "is_cut", True)
    return found


def blob_of(*answers):
    blob = Mock()
    blob.raw.read.side_effect = answers
    blob.raw.tell.return_value = 10
    return blob


@pytest.mark.parametrize("fault", [*FAULTS, BlobMissing("read bytes")])
def test_a_file_that_cannot_be_read_on_is_cut(active, caplog, fault):
    sending = SendingBlob(blob_of(fault), Mock(), Mock(), Span(10, 20), active=active)
    with caplog.at_level(logging.ERROR):
        assert sending.read(5) == b""
    assert active.is_cut
    assert [record.exc_info for record in caplog.records] == [None]


def test_the_end_of_a_range_is_no_cut(active):
    sending = SendingBlob(blob_of(b""), Mock(), Mock(), Span(0, 10), active=active)
    assert sending.read(5) == b""
    assert not active.is_cut


@pytest.mark.parametrize("fault", FAULTS)
def test_an_archive_that_cannot_go_on_is_cut(active, caplog, monkeypatch, fault):
    monkeypatch.setattr(archive, "still_downloadable", Mock(side_effect=fault))
    file = Mock(pk=1)
    with caplog.at_level(logging.ERROR):
        assert list(archive.Archive(Mock(), {file: Mock()}, [Mock()], active=active)) == []
    assert active.is_cut
    assert [record.exc_info for record in caplog.records] == [None]


@pytest.mark.parametrize("fault", [*FAULTS, BlobMissing("read bytes")])
def test_a_file_in_an_archive_that_cannot_be_read_on_cuts_it(active, fault):
    request, file = Mock(), SimpleNamespace(blob="a" * 22, size=10)
    request.store.open.return_value = MagicMock()
    request.store.open.return_value.raw.read.side_effect = fault
    assert list(archive.read(request, file, active)) == []
    assert active.is_cut


@pytest.mark.django_db
def test_a_download_goes_on_only_while_its_file_is_ready_and_its_account_open(now):
    file = make_file(make_transfer(now), now)

    def goes_on(at):
        return still_downloadable({file.pk}, now=at) == {file.pk}

    assert (goes_on(now), goes_on(file.transfer.open_until)) == (True, False)
    Transfer.objects.update(state=State.CLOSING)
    assert not goes_on(now)
    Transfer.objects.update(state=State.OPEN)
    TransferFile.objects.update(state=FileState.WITHHELD)
    assert not goes_on(now)


@pytest.mark.parametrize(("pieces_sent", "counted"), [(1, 5), (2, 9), (3, 10)])
def test_of_an_archive_that_breaks_off_the_last_byte_of_a_file_is_not_counted(
    active, monkeypatch, pieces_sent, counted
):
    recorded, file = [], Mock(size=10)
    monkeypatch.setattr(archive, "read", lambda *_: iter((b"01234", b"56789")))
    monkeypatch.setattr(archive, "record", lambda *given: recorded.append(given[1:]))
    pieces = archive.Archive(Mock(), {file: LINK}, [Mock()], active=active)._pieces(file)
    for _ in range(pieces_sent):
        next(pieces, None)
    pieces.close()
    assert recorded == [(LINK, 0, counted)]


@pytest.mark.parametrize("fault", [*FAULTS, BlobMissing("read bytes")])
@pytest.mark.parametrize("when", ["opened", "read"])
def test_a_download_that_does_not_begin_is_not_counted(active, monkeypatch, fault, when):
    monkeypatch.setattr(downloads, "begin", lambda *_: active)
    registry = Mock()
    monkeypatch.setattr(downloads, "registry", registry)
    request = Mock()
    if when == "opened":
        request.store.open.side_effect = fault
    else:
        request.store.open.return_value = blob_of(fault)
    with pytest.raises(Refusal if isinstance(fault, BlobMissing) else type(fault)):
        downloads.send(request, Mock(), Span(0, 10))
    registry.drop.assert_called_once_with(active)
    assert not active.is_cut


def test_what_was_read_ahead_is_sent_first_and_counts_once(active):
    blob = blob_of(b"cdefg")
    sending = SendingBlob(blob, Mock(), Mock(), Span(0, 15), active=active, ahead=b"0123456789")
    assert sending.read(100) == b"0123456789"
    assert sending.read(100) == b"cdefg"
    blob.raw.seek.assert_called_once_with(10, os.SEEK_SET)


def test_a_download_that_ends_while_the_database_is_away_is_recorded_once_it_is_back(monkeypatch):
    recorded, left = [], [InterfaceError("away"), OperationalError("away"), OperationalError("away")]

    def record_sent_bytes(link, *, start, reached, services, now):
        if left:
            raise left.pop()
        recorded.append((link, start, reached, now, current_origin()))

    monkeypatch.setattr(recording, "record_sent_bytes", record_sent_bytes)
    monkeypatch.setattr(recording, "RETRY_SECONDS", 0.01)
    recorder, origins = recording.Recorder(), [Origin("192.0.2.1", "one"), Origin("192.0.2.2", "two")]
    for number, origin in enumerate(origins):
        set_origin(origin)
        recorder.record(Mock(now=number), LINK, 0, 5)
    set_origin(NOWHERE)
    eventually(lambda: recorded == [(LINK, 0, 5, number, each) for number, each in enumerate(origins)])


def test_who_the_parties_are_is_asked_again_if_it_could_not_be_read(monkeypatch):
    transfer, away = Transfer(), Mock(**{"all.side_effect": OperationalError("away")})
    monkeypatch.setattr(Transfer, "parties", away)
    for _ in range(2):
        with pytest.raises(OperationalError):
            transfer.party(Role.SENDER)
