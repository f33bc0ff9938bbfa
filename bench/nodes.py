"""Two nodes on one bucket: how long whoever changes nodes waits, and what an upload to a bucket costs."""

import argparse
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, NamedTuple

from boto3.session import Session
from botocore.config import Config

from bench.parts import machine, table
from bench.parts.resource_usage import ResourceUsage
from tests.parts import fake_reboot, seaweed
from tests.parts.certificate import make_certificate
from tests.parts.installation import folder
from tests.parts.people import FORM, announce, append, apply
from tests.parts.postgres import Postgres
from tests.parts.raw_http import RawConnection
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.parts.service import Service, process_tree

BUCKET, PART, MIB = "bench", 8 << 20, 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


@contextmanager
def two_nodes() -> Iterator[tuple[Seaweed, list[Service]]]:
    """Two web nodes with data folders and boot ids of their own, one PostgreSQL, one SeaweedFS behind TLS."""
    with ExitStack() as until_the_end:
        certificate = make_certificate(folder("bench-certificate"))
        os.environ["AWS_CA_BUNDLE"] = str(certificate.file)
        process, store = seaweed.start(folder("bench-store"), certificate)
        until_the_end.callback(process.wait)
        until_the_end.callback(process.kill)
        server = Postgres(fsync=True)
        server.start()
        until_the_end.callback(server.stop)
        store.make_bucket(BUCKET)
        shared = {
            "DATABASE_URL": until_the_end.enter_context(server.migrated_database("bench")),
            "BLOB_URL": store.url(BUCKET, tls=True),
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "SECRET_KEY": "one and the same key for both of the nodes",
        }
        made = []
        for name in "ab":
            node = Service(folder(f"bench-{name}") / "data", **shared, NODE=f"node-{name}")
            node.program = fake_reboot.program(f"00000000-0000-0000-0000-00000000000{name}")
            until_the_end.callback(node.tear_down)
            made.append(node.start("web"))
        yield store, made


def head(node: Service, where: str) -> float:
    """Seconds until the node has said how much is stored."""
    began = time.perf_counter()
    answer = node.request("HEAD", where, headers=TUS)
    assert answer.status == 200, answer.status
    return time.perf_counter() - began


def begun(nodes: list[Service], path: str) -> str:
    """An upload of which the first MiB is acknowledged, by the first node."""
    where = announce(nodes[0], path, 4 * MIB).location
    assert append(nodes[0], where, 0, bytes(MIB)).status == 204
    return where


def free(nodes: list[Service], path: str) -> float:
    return head(nodes[1], begun(nodes, path))


@contextmanager
def held(nodes: list[Service], path: str) -> Iterator[str]:
    """An upload whose next bytes the first node waits for."""
    where = begun(nodes, path)
    with RawConnection(nodes[0]) as client:
        client.send_patch(where, MIB, bytes(MIB), length=3 * MIB)
        time.sleep(0.5)
        yield where


def stalled(nodes: list[Service], path: str) -> float:
    """Its client sends no more, and the node listens."""
    with held(nodes, path) as where:
        return head(nodes[1], where)


def stopped(nodes: list[Service], path: str) -> float:
    """Its node was stopped by a signal, and wakes up afterwards."""
    pids = process_tree(nodes[0].process.pid)
    with held(nodes, path) as where:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            return head(nodes[1], where)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def dead(nodes: list[Service], path: str) -> float:
    """Its node was killed."""
    with held(nodes, path) as where:
        nodes[0].kill()
        try:
            return head(nodes[1], where)
        finally:
            nodes[0].start("web")


HEADS: tuple[tuple[str, Callable[[list[Service], str], float], str], ...] = (
    ("HEAD at the other node: free", free, "p99 < 50 ms"),
    ("stalled", stalled, "< 1 s"),
    ("its node stopped (SIGSTOP)", stopped, "<= 3.1 s"),
    ("its node dead", dead, "<= 3.1 s"),
)


class Upload(NamedTuple):
    """MiB/s, CPU seconds for a GiB, and by how many MiB the resident memory grew at most."""

    rate: float
    cpu: float
    grown: float = 0.0


def by_us(node: Service, path: str, data: bytes) -> Upload:
    """The processes of the node."""
    where = announce(node, path, len(data)).location
    usage = ResourceUsage(tuple(process_tree(node.process.pid)))
    usage.forget_peak()
    resident, before, began = usage.resident(), usage.cpu(), time.perf_counter()
    assert append(node, where, 0, data).status == 204
    took = figures(len(data), time.perf_counter() - began, usage.cpu() - before)
    return took._replace(grown=usage.peak() - resident)


def upload_part_client(store: Seaweed) -> Any:
    """As quick as boto3's can be over TLS: nothing is signed or summed up but the header, as we do it."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
    )
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    endpoint = f"https://localhost:{store.tls_port}"
    return Session().client("s3", config=config, endpoint_url=endpoint, region_name="us-east-1", **keys)


def by_boto3(client: Any, data: bytes, number: int) -> Upload:
    """The same bytes as parts of one multipart upload, sent one after the other by this process."""
    key = f"alone-{number}"
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    before, began = time.process_time(), time.perf_counter()
    for index, start in enumerate(range(0, len(data), PART), 1):
        client.upload_part(
            Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=index, Body=data[start : start + PART]
        )
    took = figures(len(data), time.perf_counter() - began, time.process_time() - before)
    client.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)
    return took


def figures(size: int, seconds: float, cpu: float) -> Upload:
    return Upload(size / MIB / seconds, cpu * (1 << 30) / size)


def uploads(store: Seaweed, node: Service, path: str, *, size: int, rounds: int) -> list[list[str]]:
    """Lines of the table. Both begin with a part that is not counted, as the first one opens connections."""
    data, client = os.urandom(size), upload_part_client(store)
    by_us(node, path, data[:PART])
    by_boto3(client, data[:PART], -1)
    pairs = [(by_us(node, path, data), by_boto3(client, data, number)) for number in range(rounds)]
    mine, theirs = [ours for ours, _ in pairs], [other for _, other in pairs]
    rate = f"{median(each.rate for each in mine):.0f} MiB/s"
    beside = f"{median(each.rate for each in theirs):.0f}"
    ratio = median(ours.rate / other.rate for ours, other in pairs)
    return [
        ["upload to the bucket, TLS", f"{rate}, the store's own upload_part {beside}", ""],
        ["the ratio, in one round", f"{ratio:.2f} x", ">= 0.9 x"],
        ["processor time", f"{median(each.cpu for each in mine):.2f} s/GiB", "<= 1.0"],
        ["the same, upload_part", f"{median(each.cpu for each in theirs):.2f} s/GiB", ""],
        ["RSS during an upload", f"+ {median(each.grown for each in mine):.1f} MiB", "<= 2 MiB"],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--rounds", type=int, default=0, help="how often each is done (20, quick 2)")
    asked = parser.parse_args()
    rounds, size = asked.rounds or (2 if asked.quick else 20), (32 if asked.quick else 512) * MIB
    print(f"{'QUICK; ' if asked.quick else ''}{rounds} rounds; {machine.describe()}")
    with two_nodes() as (store, nodes):
        path = apply(nodes[0], FORM).location
        lines = []
        for name, work, goal in HEADS:
            took = sorted(work(nodes, path) * 1000 for _ in range(rounds))
            lines.append([name, f"{median(took):.0f} ms (at most {took[-1]:.0f})", goal])
            print(*lines[-1], sep=": ", flush=True)
        lines += uploads(store, nodes[0], path, size=size, rounds=min(rounds, 5))
    table.show("two nodes, one bucket", ["", "measured", "must reach"], lines)


if __name__ == "__main__":
    main()
