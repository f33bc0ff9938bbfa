"""A thousand letters out of the outbox, to a server that thinks 10 ms: beside loops of smtplib."""

import multiprocessing
import resource
import smtplib
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.parts import measurement, table
from bench.parts.table import Candidate, Run
from tests.parts import installation
from tests.parts.mail_server import MailServer

THINKS, DOMAINS = 0.010, 100


def serve(port: int) -> None:
    server = MailServer(port=port, slow=THINKS)
    server.start()
    threading.Event().wait()


def queue(count: int) -> bytes:
    """Writes that many letters to the outbox; returns one of them as a message."""
    from django.utils import timezone

    from filsluss.letters import compose
    from filsluss.letters.message import build_message
    from filsluss.models import Letter
    from filsluss.rules.directions import Role
    from filsluss.rules.tokens import draw_row_id
    from tests.letters.cases import example_policy, make_transfer

    Letter.objects.all().delete()
    now, policy = timezone.now(), example_policy()
    transfer = make_transfer(now, public_id=draw_row_id()[:9])
    letter = compose.write("erased", transfer=transfer, role=Role.SENDER, policy=policy, now=now)
    assert letter is not None
    message = as_sent(build_message(letter, policy=policy).message())
    for number in range(count):
        letter.pk, letter.public_id, letter.key = None, draw_row_id(), f"{transfer.public_id}:{number}"
        letter.to = f"bo{number}@reader{number % DOMAINS}.example"
        letter.save(force_insert=True)
    Letter.objects.exclude(key__startswith=f"{transfer.public_id}:").delete()
    return message


def as_sent(message: Any) -> bytes:
    """With the line ends of SMTP; `linesep` is an argument of Django's messages only."""
    return bytes(message.as_bytes(linesep="\r\n"))


def from_the_outbox(connections: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from filsluss.letters.claims import Claimant
    from filsluss.letters.delivery import MailConnection
    from filsluss.letters.outbox import deliver_next
    from tests.letters.cases import example_policy

    me, policy = Claimant(), example_policy()

    def work() -> None:
        mail = MailConnection()
        while deliver_next(me, mail=mail, policy=policy, now=timezone.now()):
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_smtplib(port: int, message: bytes, count: int, *, reuse: bool) -> None:
    """The message is there, and no result is recorded."""
    smtp = smtplib.SMTP("127.0.0.1", port)
    for number in range(count):
        if number and not reuse:
            smtp.quit()
            smtp = smtplib.SMTP("127.0.0.1", port)
        smtp.sendmail("filsluss@ltdalarna.se", f"bo{number}@reader.example", message)
    smtp.quit()


def measured(count: int, work: Callable[[bytes], None]) -> Run:
    message = queue(count)
    before, start = time.process_time(), time.perf_counter()
    work(message)
    seconds, cpu = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(count / seconds, cpu * 1000 / count, peak)


def main() -> None:
    session = measurement.start_session(__doc__)
    count, port = session.size(1000, 100), MailServer().port
    multiprocessing.Process(target=serve, args=(port,), daemon=True).start()
    installation.configure_process(session.folder / "data", SMTP_URL=f"smtp://127.0.0.1:{port}")
    start_django()

    def row(name: str, work: Callable[[bytes], None]) -> Candidate:
        return Candidate(name, lambda: measured(count, work))

    candidates = [
        row("filsluss, 4 connections", lambda _: from_the_outbox(4)),
        row("filsluss, 1 connection", lambda _: from_the_outbox(1)),
        row("smtplib, one connection", lambda message: by_smtplib(port, message, count, reuse=True)),
        row("smtplib, one for each", lambda message: by_smtplib(port, message, count, reuse=False)),
    ]
    table.run_rounds(candidates, session.rounds)
    session.describe()
    table.show_comparison(f"{count} letters", "letters/s", candidates, "CPU s/1000 letters")


def start_django() -> None:
    import os

    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    main()
