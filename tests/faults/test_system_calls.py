"""The four verbs of a file as system calls: nobody is told before what they are told would survive."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts import people
from tests.parts.storage import rows
from tests.parts.system_calls import StraceMissing, Trace, steps_of, traced

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

DATA = bytes(range(256)) * 40
HALF = len(DATA) // 2
DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"


def documented():
    """The table "What is durable when" of docs/architecture.md: each verb, and its steps in their order."""
    about = DOCUMENT.read_text().partition("## What is durable when")[2].partition("\n## ")[0]
    table = re.findall(r"^\| (\w+) \| (.+) \|$", about, re.MULTILINE)
    return {verb: [step.strip() for step in steps.split("→")] for verb, steps in table if "→" in steps}


@pytest.fixture
def service(make_service, database_server):
    if database_server:
        pytest.skip("PostgreSQL syncs in a process of its own")
    service = make_service()
    service.lay_tables()
    return service


@pytest.fixture
def trace(service, tmp_path):
    """The web server under strace, and what it has asked of the kernel since it was last looked at."""
    log = tmp_path / "web.strace"
    try:
        service.program, plain = traced(log), service.program
    except StraceMissing as missing:
        pytest.skip(str(missing))
    service.start("web")
    service.program = plain
    return Trace(log)


def seen(trace, answer):
    """The steps of a request, up to its answer."""
    steps = trace.steps(until=f"answer {answer}")
    return steps[: steps.index(f"answer {answer}") + 1]


def at_once(service, upload):
    """A file whose bytes come with its creation."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(DATA)),
        "Upload-Metadata": people.metadata(filename="liten.bin"),
        "Content-Type": "application/offset+octet-stream",
    }
    return service.request("POST", f"{upload}/files", DATA, headers)


def test_no_answer_leaves_before_what_it_promises_is_durable(service, trace, tmp_path):
    upload = people.apply(service, people.FORM).location
    trace.steps(until="answer 303")
    done = {}
    where = people.announce(service, upload, len(DATA)).location
    done["create"] = seen(trace, 201)
    assert at_once(service, upload).status == 201
    done["whole"] = seen(trace, 201)
    assert people.append(service, where, 0, DATA[:HALF]).status == 204
    done["patch"] = seen(trace, 204)
    assert people.append(service, where, HALF, DATA[HALF:]).status == 204
    done["finish"] = seen(trace, 204)
    assert service.request("DELETE", where, headers={"Tus-Resumable": "1.0.0"}).status == 204
    done["remove"] = seen(trace, 204)
    service.kill()
    log = tmp_path / "worker.strace"
    service.program, plain = traced(log), service.program
    service.run_worker()
    service.program = plain
    steps = steps_of(log.read_text())
    begun = steps.index("truncate blob")
    done["erase"] = steps[begun : begun + 4]
    assert done == documented()


def test_a_call_that_another_thread_s_line_divides_counts_when_it_is_done():
    blob = f"/data/blobs/A.d/{'a' * 22}"
    lines = (
        f"1 fdatasync(18<{blob}> <unfinished ...>",
        f'2 pwrite64(19<{blob}>, "x"..., 1, 0) = 1',
        "1 <... fdatasync resumed>)          = 0",
    )
    assert steps_of("\n".join(lines)) == ["write blob", "sync blob"]


def test_bytes_that_could_not_be_synced_are_not_received_by_a_later_try(service, tmp_path):
    """The web server cannot sync the last bytes, and is killed before it can do anything about it."""
    upload_and_lose_the_sync(service, tmp_path)
    (state, acknowledged) = rows(service, "SELECT state, acknowledged FROM filsluss_transferfile")[0]
    assert (state, acknowledged) in [("erasing", HALF), ("erased", HALF)]
    for minutes in (1, 10):
        service.run_worker(at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert rows(service, "SELECT state, received_at FROM filsluss_transferfile") == [("erased", None)]


def upload_and_lose_the_sync(service, tmp_path):
    service.start("web")
    upload = people.apply(service, people.FORM).location
    where = people.announce(service, upload, len(DATA)).location
    assert people.append(service, where, 0, DATA[:HALF]).status == 204
    service.kill()
    log = tmp_path / "failing.strace"
    try:
        service.program, plain = traced(log, "-e", "inject=fdatasync:error=EIO:when=1"), service.program
    except StraceMissing as missing:
        pytest.skip(str(missing))
    service.start("web")
    service.program = plain
    answer = people.append(service, where, HALF, DATA[HALF:])
    assert (answer.status, answer.headers.get("Upload-Offset")) != (204, str(len(DATA)))
    steps = Trace(log).steps(until=f"answer {answer.status}")
    assert "sync failed" in steps
    assert "answer 204" not in steps
    service.kill()
