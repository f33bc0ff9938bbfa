"""Unfinished uploads: kept for two days, listed, resumed after a reboot and after kills of the server."""

import hashlib
import json
import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from filsluss import machine
from filsluss.actions import erasure, expiry, upload
from filsluss.actions.apply import apply as apply_for
from filsluss.models import Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.tokens import Purpose
from filsluss.streams.request import Deadline
from tests.model.wsgi_client import ask
from tests.parts import tokens
from tests.parts.eventually import eventually
from tests.parts.people import ANNA, BO, FORM, announce, append, apply, offset_of
from tests.parts.raw_http import RawConnection
from tests.parts.services import services_for, writing
from tests.streams.test_connection import MIB, await_ready, listed
from tests.streams.test_model import request, serve

TUS_BODY = "application/offset+octet-stream"
TUS = {"Tus_Resumable": "1.0.0", "Upload_Offset": "3", "Content_Type": TUS_BODY}
HOUR = timedelta(hours=1)


@pytest.fixture
def transfer(policy):
    """An open account of this process's own database, until far ahead."""
    now = datetime.now(UTC)
    asked = Application("Anna", ANNA, BO, "Test", days=7)
    made = apply_for(
        asked, services=services_for(policy), now=now, client=Client("127.0.0.1", may_be_inside=True)
    )
    Transfer.objects.update(open_until=now + 200 * HOUR)
    made.open_until = now + 200 * HOUR
    return made


@pytest.fixture
def begun(transfer, store, policy, settings, tmp_path):
    """Makes an upload that has got 3 of its 9 bytes, at a moment."""
    settings.BLOB_URL = (tmp_path / "blobs").as_uri()

    def begin(at, boot="this boot"):
        file = upload.begin(
            transfer,
            name="a.txt",
            size=9,
            services=services_for(policy, store, boot_id=boot),
            now=at,
        )
        with store.writer(file.blob) as writer:
            writer.write(b"012")
            writer.sync()
        upload.acknowledge(file, offset=3, boot_id=boot, now=at)
        return file

    return begin


@pytest.mark.django_db
def test_a_body_that_comes_for_hours_goes_on_where_its_account_was_given_more_days(transfer):
    now = datetime.now(UTC)
    transfer.open_until = now  # as it was when the request began
    assert Deadline(transfer, now=now).is_over() is False
    Transfer.objects.update(open_until=now)
    assert Deadline(transfer, now=now).is_over() is True
    Transfer.objects.update(open_until=now + HOUR, state="closing")
    assert Deadline(transfer, now=now).is_over() is True


@pytest.mark.django_db(transaction=True)  # the byte paths close the connection
@pytest.mark.parametrize("state", ["infected", "withheld", "erasing", "erased"])
def test_an_upload_whose_file_is_gone_is_410(begun, now, state):
    file = begun(now)
    TransferFile.objects.update(state=state)
    token = tokens.of_transfer(file.transfer, Purpose.UPLOAD, settings.POLICY.link_keys)
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = ask(method, f"/upload/{token}/files/{file.upload_id}", **TUS)
        assert answer.status == 410, method


@pytest.mark.django_db
class TestTwoDays:
    def test_an_upload_is_kept_for_two_days_after_its_last_byte_and_no_longer(
        self, begun, store, policy, now
    ):
        file = begun(now)
        almost, over = now + 48 * HOUR - timedelta(seconds=1), now + 48 * HOUR
        assert expiry.expire_stale(services=services_for(policy, store), now=almost) == 0
        assert expiry.expire_stale(services=services_for(policy, store), now=over) == 1
        file.refresh_from_db()
        assert (file.state, file.erased_because) == ("erasing", "stale")
        erasure.erase_files(services=services_for(policy, store), now=over)
        assert not store.exists(file.blob)

    def test_they_are_counted_from_the_last_byte(self, begun, store, policy, now):
        file = begun(now)
        upload.acknowledge(file, offset=4, boot_id="this boot", now=now + 40 * HOUR)
        upload.acknowledge(file, offset=4, boot_id="this boot", now=now + 41 * HOUR)
        assert expiry.expire_stale(services=services_for(policy, store), now=now + 87 * HOUR) == 0
        assert expiry.expire_stale(services=services_for(policy, store), now=now + 88 * HOUR) == 1

    def test_an_upload_that_is_being_written_never_expires(self, begun, store, policy, now):
        file = begun(now)
        with writing(file.blob, store):
            assert expiry.expire_stale(services=services_for(policy, store), now=now + 900 * HOUR) == 0
        assert expiry.expire_stale(services=services_for(policy, store), now=now + 900 * HOUR) == 1


@pytest.mark.django_db(transaction=True)
class TestAnotherBoot:
    """After a reboot only acknowledged bytes count (`boot_id`)."""

    @pytest.fixture
    def ahead(self, begun, store):
        """An upload of which more lies in the store than was ever acknowledged."""
        file = begun(datetime.now(UTC), boot=machine.boot_id())
        with store.writer(file.blob) as writer:
            writer.write(b"345")
        return file

    def where(self, file, policy):
        token = tokens.of_transfer(file.transfer, Purpose.UPLOAD, policy.link_keys)
        return f"/upload/{token}/files/{file.upload_id}"

    @pytest.fixture
    def application(self):
        from filsluss.wsgi import application

        return application

    def test_in_the_same_boot_every_byte_counts(self, ahead, application, policy):
        _, headers = serve(application, request("HEAD", self.where(ahead, policy), b"", length=0), fast=True)
        assert headers["Upload-Offset"] == "6"

    @pytest.mark.parametrize("first", ["HEAD", "PATCH", "GET"])
    def test_after_another_the_first_answer_knows_of_acknowledged_bytes_only(
        self, ahead, application, policy, store, first
    ):
        TransferFile.objects.filter(pk=ahead.pk).update(boot_id="the boot before")
        where = self.where(ahead, policy)
        if first == "HEAD":
            _, headers = serve(application, request("HEAD", where, b"", length=0), fast=True)
            assert headers["Upload-Offset"] == "3"
        elif first == "PATCH":
            raw = request("PATCH", where, b"678", length=3, Upload_Offset=6, Content_Type=TUS_BODY)
            status, headers = serve(application, raw, fast=True)
            assert (status, headers["Upload-Offset"]) == (409, "3")
        else:
            assert json.loads(self.read(application, where.rpartition("/")[0]))["files"][0]["offset"] == 3
            assert json.loads(self.read(application, f"{where}/samples"))["offset"] == 3
            return
        assert store.size(ahead.blob) == 3
        raw = request("PATCH", where, b"345678", length=6, Upload_Offset=3, Content_Type=TUS_BODY)
        assert serve(application, raw, fast=True)[0] == 204

    def read(self, application, path):
        """The body of a GET, which `serve` throws away."""
        statuses = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "wsgi.input": None,
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost:8000",
        }
        body = b"".join(application(environ, lambda status, headers, exc=None: statuses.append(status)))
        assert statuses == ["200 OK"]
        return body


def test_the_page_lists_what_is_unfinished_wherever_it_was_begun(shared_service, account):
    where = announce(shared_service, account, 9, filename="halv.pdf", lastmodified="1795500000000").location
    append(shared_service, where, 0, b"0123")
    (file,) = listed(shared_service, account)
    assert (file["name"], file["size"], file["offset"], file["state"]) == ("halv.pdf", 9, 4, "uploading")
    assert file["last_modified"] == 1795500000000
    left = datetime.fromisoformat(file["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=47) < left <= 48 * HOUR
    page = shared_service.get(account).text
    assert "halv.pdf" in page
    assert shared_service.get(f"{where}/samples").status == 200
    assert append(shared_service, where, 4, b"45678").status == 204
    assert listed(shared_service, account)[0]["expires_at"] is None


def test_looking_at_the_list_or_the_samples_does_not_disturb_a_writer(shared_service, account):
    where = announce(shared_service, account, 9).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, b"0123", length=9)
        eventually(lambda: listed(shared_service, account)[0]["offset"], lambda found: found == 4)
        head = json.loads(shared_service.get(f"{where}/samples").text)["head"]
        assert head == {"start": 0, "end": 4, "sha256": hashlib.sha256(b"0123").hexdigest()}
        connection.send(b"45678")
        assert connection.read_response().status == 204


def killed_and_resumed(service, mail_server, *, size, kills):
    """One client sends one file while the server is killed again and again: it arrives, with one letter."""
    data = os.urandom(size)
    service.start("web")
    account = apply(service, FORM).location
    where = announce(service, account, size).location
    acknowledged, done, chance = 0, threading.Event(), random.Random(7)
    killed = 0

    def kill():
        nonlocal killed
        while killed < kills and not done.is_set():
            time.sleep(chance.uniform(0.05, 0.6))
            service.kill()
            killed += 1
            service.start("web")

    killer = threading.Thread(target=kill)
    killer.start()
    while acknowledged < size:
        try:
            offset = offset_of(service, where)
            assert offset >= acknowledged, "acknowledged bytes were lost"
            # the last bytes wait until every kill has happened
            most = size if killed >= kills else max(offset, size - MIB)
            piece = data[offset : min(offset + size // kills, most)]
            answer = append(service, where, offset, piece)
            if answer.status == 204:
                acknowledged = int(answer.headers["Upload-Offset"])
        except OSError:
            time.sleep(0.05)
        except Exception as fault:
            if type(fault).__module__ != "http.client":
                raise
    done.set()
    killer.join()
    assert killed == kills
    service.run_worker()
    service.run_worker()
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    mail_server.one("file-ready")


def test_a_server_that_is_killed_six_times_ends_with_the_same_file_and_one_letter(make_service, mail_server):
    killed_and_resumed(make_service(), mail_server, size=60 * MIB, kills=6)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_fifty_times_ends_with_the_same_file_and_one_letter(
    make_service, mail_server
):
    killed_and_resumed(make_service(), mail_server, size=500 * MIB, kills=50)
