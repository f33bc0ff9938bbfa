"""An SMTP server on loopback that keeps every letter, and gives the replies that a test plans."""

import asyncio
import contextlib
import hmac
import re
import secrets
import socket
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.parts.eventually import eventually


@dataclass(frozen=True)
class ReceivedLetter:
    """A letter as it came: the envelope's recipients, the message, and the envelope's sender."""

    to: list[str]
    message: EmailMessage
    sender: str = ""

    @property
    def kind(self) -> str:
        return str(self.message["X-Filsluss-Letter"])

    @property
    def transfer(self) -> str:
        return str(self.message["X-Filsluss-Transfer"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self.body("plain")

    @property
    def html(self) -> str:
        return self.body("html")

    def body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, f"the letter {self.kind} has no {kind} body"
        return str(part.get_content())

    def links(self, prefix: str = "") -> list[str]:
        """The web addresses of the text, in order; those under `prefix` ("upload", "decide", …) if given.

        With a prefix without the one that leads to the same in another language.
        """
        found = re.findall(r"https?://[^\s<>\"]+", self.text)
        if not prefix:
            return found
        own = [link for link in found if "lang=" not in urlsplit(link).query]
        return [link for link in own if urlsplit(link).path.startswith(f"/{prefix}")]


def free_port() -> int:
    """Below the range of ephemeral ports: an outgoing connection could take one of those meanwhile."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def cut(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


class MisbehavingController(Controller):
    """A controller whose server can also break off in the middle of a letter."""

    def factory(self) -> SMTP:
        return MisbehavingSMTP(self.handler, **self.SMTP_kwargs)


class MisbehavingSMTP(SMTP):
    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 -- as below
        challenge = b"<1@mail.example>"
        answer = await server.challenge_auth(challenge)
        assert isinstance(answer, bytes)
        name, _, digest = answer.decode().rpartition(" ")
        password = self.event_handler.accounts.get(name, "")
        is_right = digest == hmac.new(password.encode(), challenge, "md5").hexdigest()
        return AuthResult(success=is_right, auth_data=LoginPassword(name.encode(), b""), handled=False)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802 -- named and called by aiosmtpd
        if answer := await self.event_handler.next_reply("RSET", self):
            await self.push(answer)
            return
        await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- named and called by aiosmtpd
        """ "drop" here closes the connection in the middle of the letter."""
        planned = self.event_handler.plan.get("DATA") or [""]
        if planned[0] == "drop":
            planned.pop(0)
            self.event_handler.tries += 1
            await self.push("354 go on")
            await self._reader.readline()
            cut(self)
            return
        if answer := await self.event_handler.next_reply("DATA", self):
            self.event_handler.tries += 1
            await self.push(answer)
            return
        await super().smtp_DATA(arg)


@dataclass
class MailServer:
    """`refuse` holds the replies to addresses, `plan` those to commands: MAIL, RCPT, DATA, and the last dot.

    A reply is a line of SMTP, "" (do as usual), "drop" (the connection is cut) or "stall" (no reply).
    At the dot also "lose" and "keep silent": the letter is accepted, and the connection cut or no reply sent.
    `slow`: seconds it takes to accept a letter; `thinks_about`: domains of readers it thinks about at RCPT.
    With `accounts` (names and passwords) it wants a sign-in, by one of `mechanisms`; set before it starts.
    `helos`: the names that clients called themselves, one for each connection; `most_at_once`: by domain.
    """

    port: int = field(default_factory=free_port)
    letters: list[ReceivedLetter] = field(default_factory=list)
    plan: dict[str, list[str]] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    tries: int = 0
    slow: float = 0.0
    controller: Controller | None = None
    thinks_about: set[str] = field(default_factory=set)
    accounts: dict[str, str] = field(default_factory=dict)
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN", "CRAM-MD5")
    helos: list[str] = field(default_factory=list)
    now_at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        sign_in: dict[str, Any] = {
            "authenticator": self.authenticate,
            "auth_required": True,
            "auth_require_tls": False,
            "auth_exclude_mechanism": {"PLAIN", "LOGIN", "CRAM-MD5"} - set(self.mechanisms),
        }
        self.controller = MisbehavingController(
            self,
            hostname="127.0.0.1",
            port=self.port,
            enable_SMTPUTF8=False,
            ready_timeout=120,
            **(sign_in if self.accounts else {}),
        )
        self.controller.start()

    def stop(self) -> None:
        """From now on a connection is refused, until it is started again on the same port."""
        if self.controller:
            self.controller.stop()
            self.controller = None

    def forget(self) -> None:
        """As if nobody had sent anything, or planned a reply; it runs."""
        for kept in (self.letters, self.plan, self.refuse, self.thinks_about, self.helos, self.most_at_once):
            kept.clear()
        self.tries, self.slow = 0, 0.0
        if self.controller is None:
            self.start()

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        is_right = self.accounts.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=is_right, handled=False)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.helos.append(hostname)
        return responses

    async def next_reply(self, word: str, server: SMTP) -> str:
        """The planned reply to this command; a client that gives up waiting ends the stall."""
        answer = self.plan[word].pop(0) if self.plan.get(word) else ""
        if answer in ("stall", "keep silent"):
            await asyncio.sleep(600)
        if answer in ("drop", "lose"):
            cut(server)
        return answer

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self.next_reply("MAIL", server):
            self.tries += 1
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 -- named and called by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2]
        self.now_at_once[domain] += 1
        self.most_at_once[domain] = max(self.most_at_once[domain], self.now_at_once[domain])
        while domain in self.thinks_about:
            await asyncio.sleep(0.05)
        self.now_at_once[domain] -= 1
        if answer := self.refuse.get(address):
            self.tries += 1
            return answer
        if answer := await self.next_reply("RCPT", server):
            self.tries += 1
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tries += 1
        planned = (self.plan.get(".") or [""])[0]
        if planned in ("", "lose", "keep silent"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            self.letters.append(ReceivedLetter(list(envelope.rcpt_tos), message, str(envelope.mail_from)))
        await asyncio.sleep(self.slow)
        return await self.next_reply(".", server) or "250 OK"

    def of(self, kind: str = "", to: str = "") -> list[ReceivedLetter]:
        """The letters so far, of one kind and to one address if those are named."""
        kept = [letter for letter in self.letters if kind in ("", letter.kind)]
        return [letter for letter in kept if not to or to in letter.to]

    def wait_for(
        self, kind: str = "", *, to: str = "", count: int = 1, seconds: float = 90
    ) -> list[ReceivedLetter]:
        """Waits until that many have come, and gives them; more than that at once is a fault too."""

        def here() -> str:
            came = [(letter.kind, letter.to) for letter in self.letters]
            return f"{len(self.of(kind, to))} letters {kind!r} to {to!r}, not {count}; here: {came}"

        found = eventually(
            lambda: self.of(kind, to), lambda found: len(found) >= count, seconds=seconds, say=here
        )
        assert len(found) == count, here()
        return found

    def one(self, kind: str = "", *, to: str = "", seconds: float = 90) -> ReceivedLetter:
        return self.wait_for(kind, to=to, seconds=seconds)[0]
