"""Slow clients take their part of the threads, and leave the others to everybody else."""

import contextlib
import json
import os
import re
import select
import time
from pathlib import Path

import pytest

from tests.parts import short_timeouts
from tests.parts.eventually import eventually
from tests.parts.people import FORM
from tests.parts.raw_http import RawConnection
from tests.parts.shared_service import start_shared_service

MIB = 1 << 20
SIZE = 12 * MIB
"""More than the buffers on the way hold, so that a download whose client does not read goes on."""
THREADS = 64
SHARE = THREADS // 2
FROM_INSIDE = "10.0.0.1"
TIMEOUTS = {
    "filsluss.streams.rates.WINDOW_SECONDS": 1.0,
    "filsluss.streams.sending.CHECK_INTERVAL": 0.3,
}
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
LINKS = (
    "from django.conf import settings; from filsluss.models import Link;"
    "[print('/download/' + a.token(settings.POLICY.link_keys), a.transfer.public_id)"
    " for a in Link.objects.filter(purpose='download').exclude(file=None).order_by('id')]"
)


OWN = {"THREADS": str(THREADS), "TRUSTED_PROXIES": "127.0.0.1", "INSIDE_NETWORKS": "10.0.0.0/8"}
"""A service behind a trusted proxy, which we play: each request may come from any network."""


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    folder = tmp_path_factory.mktemp("shares")
    with start_shared_service(folder, database_server, command="web", **OWN) as service:
        yield service


@pytest.fixture(scope="module")
def hasty_service(tmp_path_factory, database_server):
    """One whose least rate is judged after a second."""
    folder, program = tmp_path_factory.mktemp("hasty"), short_timeouts.program(**TIMEOUTS)
    with start_shared_service(folder, database_server, command="web", program=program, **OWN) as service:
        yield service


def account_of(service, number=0):
    form = {**FORM, "recipient_email": f"bo{number}@rontgen.example"}
    answer = service.post("/", form, X_Forwarded_For=FROM_INSIDE)
    assert answer.status == 303, answer.text
    return answer.location


def put(service, account, data=b"x", name="fil.bin"):
    return service.request("PUT", f"{account}/{name}", data)


def published(service, count):
    """The paths of the bytes of so many files for as many recipients, and of their archives."""
    data = os.urandom(SIZE)
    for number in range(count):
        assert put(service, account_of(service, number), data).status == 201
    service.run_worker()
    lines = service.run("shell", "--no-imports", "-c", LINKS).stdout.splitlines()
    paths = [line.split() for line in lines][-count:]
    return [(f"{path}/fil.bin", f"{path.replace('download', 'zip')}/{name}.zip") for path, name in paths]


@pytest.fixture(scope="module")
def files(shared_service):
    return published(shared_service, 12)


@pytest.fixture
def taking():
    """Begins downloads that go on until the test is over: their clients read nothing."""
    services = set()
    with contextlib.ExitStack() as stack:

        def take(service, path, network, **headers):
            services.add(service)
            connection = stack.enter_context(RawConnection(service))
            connection.sock.setsockopt(1, 8, 16384)  # SO_RCVBUF
            connection.send_request("GET", path, X_Forwarded_For=network, **headers)
            return connection

        yield take
    for service in services:
        wait_until_none_runs(service)


def wait_until_none_runs(service):
    """The service sees a moment later that a client is gone."""
    moving = re.compile(r'^filsluss_moving\{.*way="out"\} .*$', re.MULTILINE)
    eventually(
        lambda: moving.findall(service.get("/metrics").text),
        lambda found: any(line.endswith(" 0.0") for line in found),
    )


def status_of(connection):
    return int(connection.read_line().split()[1])


def network(number):
    return f"198.{18 + number // 250}.{number % 250}.7"


def get(service, path, network=FROM_INSIDE, method="GET", **headers):
    dashed = {name.replace("_", "-"): text for name, text in headers.items()}
    return service.request(method, path, headers={"X-Forwarded-For": network, **dashed})


def others_are_served(service, files):
    """A page, a download of another link, a list of files, an upload and a form."""
    assert get(service, "/", network(700)).status == 200
    assert get(service, files[-1][0], network(701), Range="bytes=0-99").status == 206
    account = account_of(service, 99)
    assert put(service, account).status == 201
    assert get(service, f"{account}/files", network(702)).status == 200
    return True


@pytest.mark.parametrize("which", [0, 1], ids=["file", "archive"])
def test_the_ninth_download_of_a_link_from_one_network_is_refused(shared_service, files, taking, which):
    path = files[which][which]
    connections = [taking(shared_service, path, network(1)) for _ in range(8)]
    assert [status_of(each) for each in connections] == [200] * 8
    refused = get(shared_service, path, network(1), Accept="*/*")
    assert (refused.status, json.loads(refused.text)["code"]) == (429, "too_many_downloads")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0
    assert get(shared_service, path, network(2), Range="bytes=0-9").status in (200, 206)


@pytest.mark.parametrize(
    ("language", "heading"),
    [("sv", "För många nedladdningar samtidigt"), ("en", "Too many downloads at the same time")],
)
def test_a_person_who_is_refused_reads_why_in_their_language(
    shared_service, files, taking, language, heading
):
    path, near = files[2][0], network(1)
    connections = [taking(shared_service, path, near) for _ in range(8)]
    assert [status_of(each) for each in connections] == [200] * 8
    page = get(shared_service, f"{path}?lang={language}", near, Accept=BROWSER)
    assert page.status == 429
    assert re.search("<h1>(.*)</h1>", page.text)[1] == heading
    assert int(page.headers["Retry-After"]) > 0


def test_what_sends_no_bytes_is_not_counted_and_not_refused(shared_service, files, taking):
    path, _ = files[3]
    etag = get(shared_service, path, method="HEAD").headers["ETag"]
    for _ in range(20):
        assert get(shared_service, path, network(1), method="HEAD").status == 200
    connections = [taking(shared_service, path, network(1)) for _ in range(8)]
    assert [status_of(each) for each in connections] == [200] * 8
    assert get(shared_service, path, network(1), method="HEAD").status == 200
    assert get(shared_service, path, network(1), If_None_Match=etag).status == 304
    assert get(shared_service, path.rpartition("/")[0], network(1)).status == 200
    assert get(shared_service, "/code", network(1)).status == 200


def test_a_download_that_ends_leaves_its_place(shared_service, files, taking):
    path, _ = files[4]
    for _ in range(3):
        connections = [taking(shared_service, path, network(1)) for _ in range(8)]
        assert [status_of(each) for each in connections] == [200] * 8
        for each in connections:
            each.reset()
        wait_until_none_runs(shared_service)


def test_one_link_that_many_networks_open_leaves_threads_to_others(shared_service, files, taking):
    path, _ = files[5]
    connections = [taking(shared_service, path, network(number)) for number in range(2 * SHARE)]
    found = [status_of(each) for each in connections]
    assert set(found) == {200, 429}
    assert found.count(200) <= SHARE // 2 + 1
    assert others_are_served(shared_service, files)


def test_many_links_that_many_networks_open_leave_threads_to_others(shared_service, files, taking):
    connections = [
        taking(shared_service, files[number % 5][number % 2], network(number)) for number in range(3 * SHARE)
    ]
    found = [status_of(each) for each in connections]
    assert set(found) == {200, 429}
    assert others_are_served(shared_service, files)


@pytest.mark.parametrize("spelled", ["absolute", "encoded"])
def test_another_spelling_of_the_address_takes_no_threads_from_others(shared_service, files, taking, spelled):
    host = shared_service.url[7:]
    path = {
        "absolute": f"http://{host}{files[6][0]}",
        "encoded": files[6][0].replace("/download/", "/d%6Fwnload/"),
    }[spelled]
    connections = [taking(shared_service, path, network(number)) for number in range(2 * SHARE)]
    assert 429 in [status_of(each) for each in connections]
    assert others_are_served(shared_service, files)


def test_an_office_behind_one_address_is_not_refused(shared_service, files, taking):
    connections = [taking(shared_service, path, network(5)) for path, _ in files for _ in range(2)]
    assert [status_of(each) for each in connections] == [200] * 2 * len(files)


def queued(service, connection):
    """How many bytes the kernel holds of the service's answer (proc_pid_net(5), tx_queue)."""
    near, far = (f"{port:04X}" for port in (service.port, connection.sock.getsockname()[1]))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (line,) = [line for line in lines if (line[1][9:], line[2][9:]) == (near, far)]
    return int(line[4][:8], 16)


@pytest.mark.parametrize("which", [0, 1], ids=["file", "archive"])
def test_a_client_that_reads_nothing_takes_little_of_the_kernels_memory(shared_service, files, taking, which):
    connection = taking(shared_service, files[10][which], network(1))
    seen = [0, 0]
    eventually(
        lambda: seen.append(queued(shared_service, connection)) or seen[-2:],
        lambda last: last[0] == last[1] > 0,
        interval=0.5,
    )
    assert seen[-1] < MIB


def test_uploads_that_do_not_come_leave_downloads_their_threads(shared_service, files):
    account = account_of(shared_service, 50)
    with contextlib.ExitStack() as stack:
        for number in range(SHARE):
            connection = stack.enter_context(RawConnection(shared_service))
            connection.send_request("PUT", f"{account}/{number}.bin", Content_Length=99)
        assert get(shared_service, files[7][0], Range="bytes=0-9").status == 206
        assert get(shared_service, "/").status == 200


def test_a_body_that_nobody_asked_for_holds_no_thread(shared_service, files):
    """Of a page or of a download; the answer says that the connection is closed, or it is."""
    with contextlib.ExitStack() as stack:
        for path in ["/help", files[8][0]] * SHARE:
            connection = stack.enter_context(RawConnection(shared_service))
            connection.send_request(
                "GET", path, X_Forwarded_For=network(1), Range="bytes=0-9", Content_Length=50
            )
        assert get(shared_service, files[9][0], network(3), Range="bytes=0-9").status == 206


class TestLeastRate:
    """8 KiB/s, once half of a share is taken."""

    @pytest.fixture(scope="class")
    @staticmethod
    def files(hasty_service):
        return published(hasty_service, 4)

    def begin(self, service, files, taking, count):
        connections = [taking(service, files[number % 4][0], network(number)) for number in range(count)]
        assert [status_of(each) for each in connections] == [200] * count
        return connections

    @staticmethod
    def received(connection):
        """How many bytes of the file come, when it is read fast at last."""
        while connection.read_line():
            continue
        count = len(connection._buffer)
        with contextlib.suppress(ConnectionResetError):
            while data := connection.sock.recv(1 << 20):
                count += len(data)
                if count >= SIZE:
                    break
        return count

    def test_slow_downloads_are_cut_when_they_have_half_of_the_threads(self, hasty_service, files, taking):
        """Until they have less, which a single check may see to or not: it cuts all that are slow by then."""
        connections = self.begin(hasty_service, files, taking, SHARE // 2)
        time.sleep(4)  # two windows and a check
        received = [self.received(each) for each in connections]
        assert min(received) < SIZE
        assert received.count(SIZE) < SHARE // 2

    def test_slow_downloads_go_on_while_they_have_less(self, hasty_service, files, taking):
        connections = self.begin(hasty_service, files, taking, SHARE // 2 - 1)
        time.sleep(4)
        assert [self.received(each) for each in connections] == [SIZE] * len(connections)

    def slow_uploads(self, service, stack, count):
        account = account_of(service, 60)
        connections = [stack.enter_context(RawConnection(service)) for _ in range(count)]
        for number, each in enumerate(connections):
            each.send_request("PUT", f"{account}/{number}.bin", Content_Length=999)
        for _ in range(30):
            for each in connections:
                with contextlib.suppress(OSError):
                    each.send(b"x")
            time.sleep(0.1)
        return connections

    def test_slow_uploads_are_cut_when_they_have_half_of_the_threads(self, hasty_service):
        with contextlib.ExitStack() as stack:
            connections = self.slow_uploads(hasty_service, stack, SHARE // 2)
            answered, _, _ = select.select([each.sock for each in connections], [], [], 0)
            assert answered
            (first, *_) = [each for each in connections if each.sock in answered]
            refused = first.read_response()
        assert (refused.status, refused.code) == (503, "read_timeout")

    def test_slow_uploads_go_on_while_they_have_less(self, hasty_service):
        with contextlib.ExitStack() as stack:
            for each in self.slow_uploads(hasty_service, stack, SHARE // 2 - 1):
                each.send(b"x" * (999 - 30))
                assert each.read_response().status == 201
