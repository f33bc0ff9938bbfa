"""`filsluss reconcile` on a service with data, and the invariants that the fault tests check."""

import pytest

from tests.parts import people
from tests.parts.invariants import Acknowledged, check_invariants, wait_until_idle
from tests.parts.people import BO, FORM
from tests.parts.storage import blobs


@pytest.fixture
def acknowledged(mail_server):
    return Acknowledged(mail_server=mail_server)


def use(service, mail_server, acknowledged):
    """Two files uploaded, one half uploaded; what was acknowledged of them is recorded."""
    upload = people.apply(service, FORM).location
    for number in (1, 2):
        content = b"ritning %d" % number * 1000
        created = people.announce(service, upload, len(content), filename="ritning.pdf", with_code="1")
        people.append(service, created.location, 0, content)
        acknowledged.finished(created.location, content)
    half = people.announce(service, upload, 4000, filename="film.mov")
    people.append(service, half.location, 0, b"x" * 3000)
    acknowledged.offset(half.location, 3000)
    letters = mail_server.wait_for("file-ready", to=BO, count=2)
    wait_until_idle(service)
    return upload, letters


def test_everything_acknowledged_is_there_also_after_a_kill_and_a_restart(service, mail_server, acknowledged):
    upload, _ = use(service, mail_server, acknowledged)
    check_invariants(service, acknowledged)
    service.kill()
    service.start()
    assert service.get(upload).status == 200
    wait_until_idle(service)
    check_invariants(service, acknowledged)


@pytest.mark.postgresql_if_full
def test_a_lost_byte_and_a_leaked_secret_are_found(service, mail_server, acknowledged):
    """By the service, and by the record of what it acknowledged: a check that cannot fail proves nothing."""
    use(service, mail_server, acknowledged)
    service.stop()
    half = next(path for path in blobs(service).values() if path.stat().st_size == 3000)
    half.write_bytes(b"x" * 2999)
    acknowledged.secrets.append("kanariefågel")
    with service.log.open("a") as log:
        log.write("kanariefågel\n")
    with pytest.raises(AssertionError) as broken:
        check_invariants(service, acknowledged)
    by_the_service, by_the_record, by_the_log = str(broken.value).splitlines()[:3]
    assert by_the_service.startswith("found    I1 file ")
    assert by_the_record.strip().startswith(f"I1 {half.name} (uploading): 3000 bytes")
    assert by_the_log.strip().startswith("I14 the log holds kanari")


def test_it_says_what_it_found_and_repairs_it(service, mail_server, acknowledged):
    use(service, mail_server, acknowledged)
    assert service.run("reconcile").stdout == "Blob store and database agree.\n"
    service.stop()
    whole = next(path for path in blobs(service).values() if path.stat().st_size > 3000)
    whole.unlink()

    dry = service.run("reconcile", "--dry-run", check=False)
    assert (dry.returncode, dry.stdout.split(":")[0][:16]) == (1, "found    I7 file")
    repaired = service.run("reconcile")
    assert repaired.stdout == dry.stdout.replace("found   ", "repaired")
    service.run_worker()
    assert service.run("reconcile").stdout == "Blob store and database agree.\n"

    # Only a person can say what became of a letter that is not there.
    service.run(
        "shell",
        "--no-imports",
        "-c",
        "from filsluss.models import Letter; "
        "Letter.objects.filter(kind='file-ready', cases__file__state='ready').delete()",
    )
    left = service.run("reconcile", check=False)
    assert (left.returncode, left.stdout[:12]) == (1, "left     I3 ")
