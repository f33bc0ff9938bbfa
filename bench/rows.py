"""What a thousand, a hundred thousand and a million transfers cost: lists, search, metrics, and the jobs."""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from bench.parts import database as database_of
from bench.parts import machine, table
from tests.parts import installation

TARGETS = {
    "first page of the list": "< 100 ms",
    "page in the middle": "< 100 ms",
    "cases of one state": "< 100 ms",
    "exact reference": "< 100 ms",
    "a whole address": "< 100 ms",
    "beginning of an address": "< 100 ms",
    "beginning of every address": "< 100 ms",
    "the same, page in the middle": "< 100 ms",
    "beginning of the oldest addresses": "< 100 ms",
    "a part of an address": "< 1000 ms",
    "a part of every address": "< 1000 ms",
    "a part of no address": "< 1000 ms",
    "/metrics": "< 100 ms",
    "a status page": "≤ 1.2 x that at 1 000",
    "reconcile": "< 120 s",
    "reconcile, peak RSS": "< 150 MiB",
    "forget, what is looked through once a day": "",
    "forget": ">= 1 000 rows/s",
    "midnight": "< 120 s with two workers",
    "midnight, first byte erased": "< 5 s",
    "midnight, peak RSS": "< 150 MiB",
    "midnight, CPU": "",
}
FORGOTTEN, ENDING = 2_000, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--rounds", type=int, default=0, help="how often each page is read (5, quick 1)")
    parser.add_argument(
        "--midnight", type=int, default=0, metavar="N", help="nothing but N accounts that end"
    )
    asked = parser.parse_args()
    if asked.midnight:
        show_midnight(asked.midnight)
        return
    sizes = (1_000, 3_000) if asked.quick else (1_000, 100_000, 1_000_000)
    rounds = asked.rounds or (1 if asked.quick else 5)
    print(f"{'QUICK; ' if asked.quick else ''}{rounds} rounds; {machine.describe()}")
    for database in ("sqlite", "postgresql"):
        columns = [measured_apart(database, size, rounds, quick=asked.quick) for size in sizes]
        lines = [[name, *(column[name] for column in columns), goal] for name, goal in TARGETS.items()]
        table.show(database, ["", *(f"{size:,}" for size in sizes), "must reach"], lines)


def show_midnight(accounts: int) -> None:
    """A table of an end of so many accounts in a database of as many that are over, which are forgotten."""
    print(f"{accounts:,} accounts; {machine.describe()}")
    found = {database: apart("midnight", database, str(accounts)) for database in ("sqlite", "postgresql")}
    names = [name for name in TARGETS if name.startswith(("midnight", "forget"))]
    lines = [[name, *(figures[name] for figures in found.values()), TARGETS[name]] for name in names]
    table.show("midnight", ["", *found, "must reach"], lines)


def measured_apart(database: str, size: int, rounds: int, *, quick: bool) -> dict[str, str]:
    """The figures of one size, in a process of its own, whose memory is nobody else's."""
    return apart("one", database, str(size), str(rounds), str(int(quick)))


def apart(*words: str) -> dict[str, str]:
    """The figures that a process of its own prints."""
    command = [sys.executable, "-m", "bench.rows", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.split("\t") for line in done.stdout.splitlines() if "\t" in line)


def one(database: str, size: int, rounds: int, *, quick: bool) -> None:
    """Prints the figures of one size."""
    now = filled(database, size)
    for figures in (pages(size, rounds), jobs(size, now), midnight(size, 200 if quick else ENDING, now)):
        tell(figures)


def only_midnight(database: str, accounts: int) -> None:
    """Prints the figures of an end, and of forgetting."""
    now = filled(database, accounts)
    tell(midnight(accounts, accounts, now))
    tell(forgetting(accounts, now))


def tell(figures: dict[str, str]) -> None:
    for name, text in figures.items():
        print(f"{name}\t{text}", flush=True)


def filled(database: str, size: int) -> Any:
    """Sets this process up with a database of so many transfers that are over; returns the time."""
    database_of.set_up(database, installation.folder("rows"))
    from django.utils import timezone

    from bench.parts import fill

    now = timezone.now()
    fill.fill(size, now=now - timedelta(days=1))
    fill.tidy()
    return now


def timed(work: Callable[[], Any], rounds: int) -> str:
    """The median and the slowest of so many times, after one that is not counted."""
    work()
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1000)
    return f"{median(took):.0f} ms (at most {max(took):.0f})"


def pages(size: int, rounds: int) -> dict[str, str]:
    from django.test import Client
    from django.utils import timezone
    from prometheus_client import generate_latest

    from filsluss.models import Link, Transfer
    from filsluss.ops import metrics
    from filsluss.pages.oversee.found import cursor, page_of
    from filsluss.pages.oversee.search import search
    from filsluss.rules.permissions import StaffRole, Standing
    from filsluss.rules.tokens import Purpose

    standing = Standing(frozenset({(StaffRole.ADMINISTRATOR, "")}))
    middle = Transfer.objects.get(pk=size // 2)

    def listed(query: str = "", before: str = "", state: str = "", *, parts: bool = False) -> None:
        found = search(query, state, standing=standing, now=timezone.now(), parts=parts)
        page_of(found, before=before)
        found.count()

    party, oldest = middle.sender, Transfer.objects.earliest("pk").sender
    link = Link.draw(Purpose.STATUS_SENDER, key=_policy().link_keys[0], party=party, now=timezone.now())
    link.save()
    client, path = Client(), f"/status/{link.token(_policy().link_keys)}"
    return {
        "first page of the list": timed(listed, rounds),
        "page in the middle": timed(lambda: listed(before=cursor(middle)), rounds),
        "cases of one state": timed(lambda: listed(state=middle.state), rounds),
        "exact reference": timed(lambda: listed(middle.public_id), rounds),
        "a whole address": timed(lambda: listed(party.address), rounds),
        "beginning of an address": timed(lambda: listed(party.address[:14]), rounds),
        "beginning of every address": timed(lambda: listed(party.address[:5]), rounds),
        "the same, page in the middle": timed(lambda: listed(party.address[:5], cursor(middle)), rounds),
        "beginning of the oldest addresses": timed(lambda: listed(oldest.address[:11]), rounds),
        "a part of an address": timed(lambda: listed(party.address[6:16]), rounds),
        "a part of every address": timed(lambda: listed("ltdalarna"), rounds),
        "a part of no address": timed(lambda: listed("ltdalarne"), rounds),
        "/metrics": timed(lambda: generate_latest(metrics.registry), rounds),
        "a status page": timed(lambda: answered(client, path), rounds),
    }


def _policy() -> Any:
    from django.conf import settings

    return settings.POLICY


def answered(client: Any, path: str) -> None:
    response = client.get(path, headers={"host": "localhost:8000"})
    assert response.status_code == 200, response.status_code


def jobs(size: int, now: Any) -> dict[str, str]:
    from filsluss.actions.integrity.findings import World
    from filsluss.actions.integrity.repair import verify_world
    from filsluss.installation import current_services

    services = current_services()
    forget_peak()
    start = time.perf_counter()
    found = verify_world(World(services, now))
    seconds = time.perf_counter() - start
    assert not found, found[:5]
    figures = {"reconcile": f"{seconds:.1f} s", "reconcile, peak RSS": f"{peak():.0f} MiB"}
    return {**figures, **forgetting(size, now)}


def forgetting(size: int, now: Any) -> dict[str, str]:
    from filsluss.actions import expiry
    from filsluss.installation import current_services
    from filsluss.models import Transfer

    services, count = current_services(), min(FORGOTTEN, size // 2)
    start = time.perf_counter()
    assert expiry.forget(services=services, now=now) == 0
    daily = time.perf_counter() - start
    over = now - timedelta(days=services.policy.forget_days + 1)
    Transfer.objects.filter(pk__lte=count).update(over_at=over)
    start, cpu = time.perf_counter(), time.process_time()
    assert expiry.forget(services=services, now=now) == count
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - start
    return {
        "forget, what is looked through once a day": f"{daily:.1f} s",
        "forget": f"{count / seconds:.0f} rows/s ({cpu / count * 1000:.2f} ms CPU each)",
    }


def midnight(size: int, accounts: int, now: Any) -> dict[str, str]:
    """Accounts of two files that end at once, with two workers of a process each."""
    from django.db import connection

    from bench.parts import fill
    from filsluss.installation import current_services
    from filsluss.models import Transfer, TransferFile

    fill.fill(accounts, now=now, closed=False, base=size)
    store = current_services().store
    for name in TransferFile.objects.filter(state="ready").values_list("upload_id", flat=True):
        store.put(name, b"12345")
    connection.close()
    start = time.perf_counter()
    workers = [
        subprocess.Popen([sys.executable, "-m", "bench.rows", "end"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first = None
    while any(worker.poll() is None for worker in workers):
        if first is None and TransferFile.objects.filter(state="erased", transfer_id__gt=size).exists():
            first = time.perf_counter() - start
        time.sleep(0.2)
    took = time.perf_counter() - start
    told = [worker.communicate()[0].split()[-2:] for worker in workers]
    assert not any(worker.returncode for worker in workers)
    left = Transfer.objects.filter(pk__gt=size).exclude(state="closed").count()
    assert left == 0, f"{left} are not closed"
    return {
        "midnight": f"{took:.1f} s for {accounts}",
        "midnight, first byte erased": f"{first or took:.1f} s",
        "midnight, peak RSS": f"{max(float(mib) for mib, _ in told):.0f} MiB",
        "midnight, CPU": f"{sum(float(cpu) for _, cpu in told) / accounts * 1000:.1f} ms an account",
    }


def end() -> None:
    """A worker that ends and erases what is due; prints its peak of memory (MiB) and processor time (s)."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"
    import threading

    import django

    django.setup()
    from django.utils import timezone

    from filsluss.actions import erasure, expiry
    from filsluss.installation import current_services
    from filsluss.models import Transfer

    services, now, cpu = current_services(), timezone.now(), time.process_time()

    def end_accounts() -> None:
        while expiry.end_accounts(services=services, now=now):
            pass

    ending = threading.Thread(target=end_accounts)
    ending.start()
    while (
        erasure.erase_files(services=services, now=now)
        or ending.is_alive()
        or Transfer.objects.filter(state="closing").exists()
    ):
        pass
    print(peak(), time.process_time() - cpu)


def forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")


def peak() -> float:
    """MiB of resident memory at most, since it was forgotten."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one", database, size, rounds, quick]:
            one(database, int(size), int(rounds), quick=bool(int(quick)))
        case ["midnight", database, accounts]:
            only_midnight(database, int(accounts))
        case ["end"]:
            end()
        case _:
            main()
