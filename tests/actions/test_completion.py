"""Completion: what a file that is made ready says of itself, and in which letter it is told of."""

from base64 import b64encode
from datetime import timedelta

import pytest

from filsluss.actions import completion
from filsluss.blobs import Digests
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.rules.lifecycle import FileState
from tests.actions.test_expiry import stored
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for


@pytest.mark.parametrize(("said", "noted"), [(-5, -5), (0, 0), (5, 0)])
def test_a_file_was_not_changed_after_now_whatever_its_sender_says(now, said, noted):
    at = now + timedelta(days=said)
    milliseconds = str(int(at.timestamp() * 1000)).encode()
    file = TransferFile(metadata=f"lastmodified {b64encode(milliseconds).decode()}")
    assert completion.declared_change(file, now=now) == now + timedelta(days=noted)


@pytest.mark.django_db
@pytest.mark.parametrize(("boot", "received"), [("this boot", 1), ("the one before", 0)])
def test_bytes_that_may_not_have_outlived_a_reboot_make_no_whole_file(now, store, boot, received):
    unfinished = {"state": FileState.UPLOADING, "received_at": None, "ready_at": None, "boot_id": boot}
    stored(store, make_transfer(now), now, active_at=now - timedelta(minutes=1), **unfinished)
    services = services_for(example_policy(), store, boot_id="this boot")
    assert completion.receive_whole(services=services, now=now) == received


@pytest.mark.django_db
def test_one_letter_for_all_files_counts_as_the_sender_chose_it_last(now):
    transfer = make_transfer(now)
    file = make_file(transfer, now, state=FileState.RECEIVED, ready_at=None)
    Transfer.objects.update(one_letter=True)  # by another request, after the row was read
    services = services_for(example_policy())
    assert completion.make_ready(file, digests=Digests("0" * 64, 0), services=services, now=now)
    assert list(Letter.objects.values_list("kind", "delivery")) == [("files-ready", "collecting")]
