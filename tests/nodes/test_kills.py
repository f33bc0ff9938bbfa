"""kill -9 of one machine after the other while clients upload: nothing that was acknowledged is lost."""

import hashlib
import http.client
import itertools
import random
import threading
import time

import pytest

from tests.parts.eventually import eventually
from tests.parts.invariants import check_invariants, identity, wait_until_idle
from tests.parts.people import FORM, announce, append, apply
from tests.streams.test_connection import TUS, listed

pytestmark = [pytest.mark.live, pytest.mark.timeout(21_600)]
MIB = 1 << 20
GONE = (OSError, http.client.HTTPException)
CLIENTS = 3
LONGEST_FILE = 20 * MIB
AT_ONCE = 4  # letters that one worker delivers
MOST_FILES = 49  # of each client: of more than 50 within an hour a recipient hears in one letter
PAUSE = 0.2  # seconds that clients pause for at most between two requests; in long runs they do not
ROUNDS = 25  # a long run has so many of 40 kills, each with files of its own
_numbers = itertools.count(1)


class Client:
    """Sends file after file, each request to whichever machine; when it is stopped it finishes the last."""

    def __init__(self, nodes, stopped, seed, longest=LONGEST_FILE, pause=0.0):
        self.nodes, self.stopped, self.random = nodes, stopped, random.Random(seed)
        self.longest, self.pause = longest, pause
        self.to = f"bo-kills-{next(_numbers)}@rontgen.example"
        self.account = apply(nodes.a, FORM, recipient_email=self.to).location
        self.sent, self.places, self.faults = {}, [], []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.stopped.is_set() and len(self.sent) < MOST_FILES:
                data = self.random.randbytes(self.random.randrange(1, self.longest))
                created = self.ask(lambda node, data=data: announce(node, self.account, len(data)))
                self.send(created.location, data)
                self.places.append(created.location)
                self.sent[created.location.rpartition("/")[2]] = hashlib.sha256(data).hexdigest()
        except Exception as fault:
            self.faults.append(fault)
            raise

    def send(self, where, data):
        acknowledged, end = 0, time.monotonic() + 600
        while acknowledged < len(data):
            assert time.monotonic() < end
            head = self.ask(lambda node: node.request("HEAD", where, headers=TUS))
            offset = int(head.headers["Upload-Offset"])
            assert offset >= acknowledged, f"{acknowledged} were acknowledged, {offset} are there"
            size = self.random.choice((self.longest // 20, self.longest // 7, len(data)))
            acknowledged = offset
            try:
                sent = append(self.node(), where, offset, data[offset : offset + size])
            except GONE:
                continue
            assert sent.status in (204, 409, 503), sent.text
            acknowledged = max(offset, int(sent.headers.get("Upload-Offset") or 0))
            self.stopped.wait(self.random.uniform(0, self.pause))

    def ask(self, request):
        """The answer of the first machine that has one which is not to be asked for again."""
        answer = eventually(
            lambda: request(self.node()),
            lambda answer: answer.status != 503,
            seconds=120,
            interval=0.1,
            excusing=GONE,
        )
        assert answer.status in (200, 201), answer.text
        return answer

    def stored(self):
        found = {file["id"]: file["sha256"] for file in listed(self.nodes.b, self.account)}
        return {name: found.get(name) for name in self.sent}

    def remove(self):
        """What has been looked at makes room for the next round."""
        for where in self.places:
            assert self.nodes.a.request("DELETE", where, headers=TUS).status == 204

    def node(self):
        return self.random.choice((self.nodes.a, self.nodes.b))


@pytest.mark.parametrize(
    ("kills", "number", "pause"),
    [
        (6, 0, PAUSE),
        *(pytest.param(40, number, 0, marks=pytest.mark.full) for number in range(1, ROUNDS + 1)),
    ],
)
def test_whichever_machine_is_killed_no_acknowledged_byte_is_lost(nodes, kills, number, pause):
    stopped, chance = threading.Event(), random.Random(number)
    clients = [Client(nodes, stopped, number * CLIENTS + each, pause=pause) for each in range(CLIENTS)]
    for client in clients:
        client.thread.start()
    try:
        for _ in range(kills):
            time.sleep(chance.random())
            node = chance.choice((nodes.a, nodes.b))
            node.kill()
            time.sleep(chance.random())
            node.start()
    finally:
        stopped.set()
        for client in clients:
            client.thread.join()
    assert [client.faults for client in clients] == [[]] * CLIENTS
    # What was whole when its machine was killed is received half a minute later, if nobody asks for it again.
    for client in clients:
        eventually(client.stored, lambda found, client=client: found == client.sent, seconds=120)
    wait_until_idle(nodes.a, 120)
    for client in clients:
        # A worker that is killed between the mail server's 250 and its own note of it sends the letter again.
        letters = nodes.mail_server.of("file-ready", to=client.to)
        assert len(set(map(identity, letters))) == len(client.sent)
        assert len(letters) <= len(client.sent) + AT_ONCE * kills
    check_invariants(nodes.a)
    for client in clients:
        client.remove()
