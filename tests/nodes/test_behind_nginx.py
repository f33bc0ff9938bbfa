"""Two web and two worker nodes behind nginx as deploy/ says: one may die or restart, unseen by clients."""

import hashlib
import http.client
import itertools
import os
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.nodes.conftest import boot_of
from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer, free_port
from tests.parts.people import FORM, announce, append, apply, fetch
from tests.parts.proxy import ProxyMissing, nginx
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY
from tests.parts.service import Service
from tests.streams.test_connection import TUS

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
BUCKET = "behind"
MIB = 1 << 20
TRY_AGAIN = (409, 423, 502, 503, 504)
"""What a tus client takes for "later": it asks for the offset, and goes on."""
BROKEN_OFF = (OSError, http.client.HTTPException)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Farm:
    """`front` is where clients ask; behind it are the web nodes. The workers have no address."""

    front: object
    web: list[Service]
    workers: list[Service]
    mail_server: MailServer


@pytest.fixture(scope="module")
def farm(tmp_path_factory, seaweed, server):
    with ExitStack() as until_the_end:
        mail_server = MailServer()
        mail_server.start()
        until_the_end.callback(mail_server.stop)
        seaweed.make_bucket(BUCKET)
        until_the_end.callback(seaweed.drop_bucket, BUCKET)
        shared = {
            "BASE_URL": f"https://localhost:{free_port()}",
            "DATABASE_URL": until_the_end.enter_context(server.migrated_database(BUCKET)),
            "BLOB_URL": seaweed.url(BUCKET),
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "SECRET_KEY": "one and the same key for all of the nodes",
            "SMTP_URL": mail_server.url,
            "TRUSTED_PROXIES": "127.0.0.1/32",
        }
        made = []
        for name, command in (("a", "web"), ("b", "web"), ("c", "worker"), ("d", "worker")):
            service = Service(tmp_path_factory.mktemp(f"node-{name}") / "data", **shared, NODE=f"node-{name}")
            service.program = boot_of(name)
            until_the_end.callback(service.tear_down)
            made.append(service.start(command))
        web, workers = made[:2], made[2:]
        try:
            folder = tmp_path_factory.mktemp("nginx") / "nginx"
            front = nginx(folder, web[0], nodes=[node.port for node in web])
        except ProxyMissing as missing:
            pytest.skip(str(missing))
        until_the_end.callback(front.stop)
        yield Farm(front, web, workers, mail_server)


def account_of(farm):
    """A new account's upload page, and who gets its files."""
    to = f"bo-front-{next(_numbers)}@rontgen.example"
    return apply(farm.front, FORM, recipient_email=to).location, to


def send(farm, where, data, size=MIB):
    """As a tus client does: what is refused for now, or breaks off, is asked about and gone on with."""
    offset, tries = 0, 0
    while offset < len(data):
        try:
            sent = append(farm.front, where, offset, data[offset : offset + size])
        except BROKEN_OFF:
            sent = None
        if sent is not None and sent.status == 204:
            offset = int(sent.headers["Upload-Offset"])
            continue
        assert sent is None or sent.status in TRY_AGAIN, (sent.status, sent.text)
        tries += 1
        found = eventually(
            lambda: farm.front.request("HEAD", where, headers=TUS),
            lambda head: head.status == 200,
            excusing=BROKEN_OFF,
            seconds=30,
        )
        assert int(found.headers["Upload-Offset"]) >= offset, "what was acknowledged is there"
        offset = int(found.headers["Upload-Offset"])
    return tries


def append_at(node, farm, where, offset, data):
    """A PATCH that the proxy would have sent to this node."""
    headers = {
        **TUS,
        "Host": urlsplit(farm.front.url).netloc,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return node.request("PATCH", where, data, headers)


def arrives(farm, to, data):
    letter = farm.mail_server.one("file-ready", to=to)
    assert hashlib.sha256(fetch(farm.front, letter).body).digest() == hashlib.sha256(data).digest()


class Reader:
    """Reads a page over and over, on one connection, and keeps every answer that is not the page."""

    def __init__(self, farm, path):
        self.farm, self.path, self.wrong, self.read = farm, path, [], 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with closing(self.farm.front.connect()) as connection:
            while not self.over.wait(0.05):
                try:
                    status = self.status(connection)
                except BROKEN_OFF as fault:
                    status = repr(fault)
                    connection.close()  # the next request opens it again
                self.read += 1
                if status != 200:
                    self.wrong.append(status)

    def status(self, connection):
        connection.request("GET", self.path, headers={"Host": urlsplit(self.farm.front.url).netloc})
        with connection.getresponse() as answer:
            answer.read()
            return answer.status

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_a_file_goes_through_and_an_upload_changes_nodes_in_the_middle(farm):
    account, to = account_of(farm)
    data = os.urandom(9 * MIB)
    where = announce(farm.front, account, len(data)).location
    for number, node in enumerate((*farm.web, *farm.web)):
        start = number * MIB
        assert append_at(node, farm, where, start, data[start : start + MIB]).status == 204
    assert append(farm.front, where, 4 * MIB, data[4 * MIB :]).status == 204
    arrives(farm, to, data)


def test_a_web_node_is_killed_under_an_upload_and_pages_go_on(farm):
    account, to = account_of(farm)
    data = os.urandom(16 * MIB)
    where = announce(farm.front, account, len(data)).location
    victim = farm.web[0]
    with Reader(farm, account) as reader:
        killer = threading.Timer(0.3, victim.kill)
        killer.start()
        try:
            send(farm, where, data, size=512 << 10)
        finally:
            killer.join()
            eventually(lambda: reader.read, lambda read: read > 20)
            victim.start("web")
    arrives(farm, to, data)
    assert reader.wrong == [], "what may be asked twice is asked at the other node"


def test_all_nodes_restart_one_after_the_other_with_an_upload_under_way(farm):
    account, to = account_of(farm)
    data = os.urandom(24 * MIB)
    where = announce(farm.front, account, len(data)).location
    over, failed = threading.Event(), []

    def sending():
        try:
            send(farm, where, data, size=256 << 10)
        except BaseException as fault:
            failed.append(fault)
            raise
        finally:
            over.set()

    thread = threading.Thread(target=sending)
    with Reader(farm, account) as reader:
        thread.start()
        roles = [*((node, "web") for node in farm.web), *((node, "worker") for node in farm.workers)]
        for node, command in roles:
            assert node.stop() == 0
            node.start(command)
            time.sleep(2)  # as docs/scaling.md says: nginx leaves it alone for a second
        thread.join()
    assert (failed, reader.wrong) == ([], [])
    assert reader.read > 20
    arrives(farm, to, data)
    said = farm.workers[0].run("check", check=False).stdout
    assert "OK    nodes" in said, said
