"""Connections to PostgreSQL that are cut over and over: what was acknowledged is there, and nothing twice."""

import contextlib
import threading
import time
from collections import Counter

import psycopg
import pytest

from tests.nodes.test_kills import Client
from tests.parts.eventually import eventually
from tests.parts.invariants import check_invariants, identity, wait_until_idle
from tests.parts.people import FORM, apply, download_links, send_tus
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
MIB = 1 << 20
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'nodes'"
PAUSE = 0.3


@contextlib.contextmanager
def cutting(server):
    """Ends each connection to the database of both machines, every PAUSE seconds."""
    over = threading.Event()

    def cut():
        with psycopg.connect(server.url("postgres"), autocommit=True) as session:
            while not over.wait(PAUSE):
                session.execute(CUT)

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Reader:
    """Fetches a file, looks at pages and sends forms, at either machine."""

    def __init__(self, nodes, number):
        self.nodes, self.number, self.to = nodes, number, f"bo-cut-{number}@rontgen.example"
        self.account = apply(nodes.a, FORM, recipient_email=self.to).location
        assert send_tus(nodes.a, self.account, b"x" * 1000).status == 204
        (self.link,) = download_links(nodes.a, nodes.mail_server.one("file-ready", to=self.to))
        self.sent = Counter()
        self.fetched = 0

    def look(self):
        for node in (self.nodes.a, self.nodes.b):
            for path in (self.account, f"{self.account}/files"):
                self.ask(lambda node=node, path=path: node.get(path))
            answer = self.ask(lambda node=node: node.get(self.link))
            self.fetched += answer.status == 200
        self.send_form(f"{self.number:08x}{len(self.sent):024x}")

    def send_form(self, value):
        """Until it is taken."""
        form = {**FORM, "recipient_email": f"{value}-{self.to}", "form_value": value}
        eventually(
            lambda: self.ask(lambda: self.nodes.a.post("/", form)), lambda answer: answer.status == 303
        )
        self.sent[form["recipient_email"]] += 1

    def applications(self):
        """How many there are by the address of each."""
        asked = (
            f"SELECT address, count(*) FROM filsluss_party WHERE address LIKE '%-{self.to}' GROUP BY address"
        )
        return dict(rows(self.nodes.a, asked))

    def fetches(self):
        """How many are recorded."""
        pickups = "filsluss_pickup p JOIN filsluss_party r ON r.id = p.party_id"
        return rows(self.nodes.a, f"SELECT p.fetches FROM {pickups} WHERE r.address = '{self.to}'")[0][0]

    def ask(self, request):
        answer = request()
        assert answer.status in (200, 303, 503), answer.text
        assert answer.status != 503 or int(answer.headers["Retry-After"]) > 0
        return answer


@pytest.mark.parametrize("seconds", [2, pytest.param(120, marks=pytest.mark.full)])
def test_nothing_that_was_acknowledged_is_lost_or_comes_twice(nodes, seconds):
    stopped, reader = threading.Event(), Reader(nodes, seconds)
    client = Client(nodes, stopped, seconds, longest=2 * MIB)
    before = [len(node.log_text()) for node in (nodes.a, nodes.b)]
    with cutting(nodes.server):
        client.thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            reader.look()
        stopped.set()
    client.thread.join()
    assert client.faults == []
    eventually(client.stored, lambda found: found == client.sent)
    letters = nodes.mail_server.wait_for("file-ready", to=client.to, count=len(client.sent))
    assert len({*map(identity, letters)}) == len(client.sent)
    assert reader.applications() == reader.sent
    eventually(reader.fetches, lambda found: found == reader.fetched)
    for node, length in zip((nodes.a, nodes.b), before, strict=True):
        assert "Traceback" not in node.log_text()[length:]
    wait_until_idle(nodes.a, letters=False)  # one whose claim nobody knows of waits a minute
    check_invariants(nodes.a)
    client.remove()
