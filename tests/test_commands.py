"""The commands: serve looks after its two halves, check says what is wrong, and the others have hands."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.parts.house import House, family, is_gone
from tests.parts.people import (
    ANNA,
    BO,
    FORM,
    FROM_OUTSIDE,
    THROUGH,
    announce,
    apply,
    fetch,
    offset_of,
    path_of,
    send_tus,
)  # fmt: skip
from tests.parts.post import free_port


def wait_until(holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    assert holds()


def half(house, name):
    """The process that is the house's web or worker; 0 while there is none."""
    for pid in family(house.process.pid)[1:]:
        try:
            called = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        if called == f"filsluss-{name}" and int(parent) == house.process.pid and not is_gone(pid):
            return pid
    return 0


def answers(house):
    try:
        return house.get("/healthz").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("name", ["web", "worker"])
def test_serve_starts_a_half_that_dies_again_after_pauses_that_grow(house, post, name):
    for pause in ("1 s", "2 s"):
        dying = half(house, name)
        os.kill(dying, signal.SIGKILL)
        wait_until(lambda dying=dying: half(house, name) not in (0, dying))
        assert f"{name} ended with status -9 and is started again in {pause}" in house.log_text()
    wait_until(lambda: answers(house))
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x")
    assert fetch(house, post.one("file-ready", seconds=40)).body == b"x"
    assert house.stop() == 0


def test_when_the_parent_is_killed_the_halves_end_too(house):
    everyone = family(house.process.pid)
    assert len(everyone) >= 4
    os.kill(house.process.pid, signal.SIGKILL)
    wait_until(lambda: all(is_gone(pid) for pid in everyone))


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_the_house_keeps_what_has_come_says_so_and_goes(house, sig):
    upload = apply(house, FORM).location
    where = announce(house, upload, 1000).location
    head = (
        f"PATCH {where} HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as line:
        line.sendall(head.encode() + b"x" * 600)
        wait_until(lambda: sum(blob.stat().st_size for blob in house.data_dir.glob("blobs/*.d/*")) == 600)
        everyone = family(house.process.pid)
        house.process.send_signal(sig)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert (answer[9:12], b'"shutting_down"' in answer) == (b"503", True)
    assert house.process.wait(12) == 0
    assert [pid for pid in everyone if not is_gone(pid)] == []
    house.start()
    assert offset_of(house, where) == 600


def test_a_half_on_its_own_ends_with_status_0_too(make_house):
    house = make_house()
    house.run("migrate")
    assert house.start("web").stop() == 0
    house.start("worker")
    wait_until(lambda: house.run("check", "--deploy", check=False).stdout.count("OK    worker: heard"))
    assert house.stop() == 0


def twin(house, request):
    other = House(house.data_dir)
    other.env, other.log = house.env, house.log
    request.addfinalizer(other.leave)
    return other


def test_web_and_worker_may_be_started_apart(make_house, post, request):
    web = make_house()
    web.run("migrate")
    web.start("web")
    upload = apply(web, FORM).location
    send_tus(web, upload, b"x")
    assert post.letters == []
    twin(web, request).start("worker")
    assert fetch(web, post.one("file-ready")).body == b"x"
    assert web.get("/static/filsluss/mark.svg").status == 200


def test_two_houses_that_start_at_once_on_one_database_make_it_one_at_a_time(make_house, request):
    first = make_house()
    others = [twin(first, request) for _ in range(2)]
    for number, house in enumerate((first, *others)):
        house.log = first.data_dir.with_suffix(f".{number}.log")
    starting = [threading.Thread(target=house.start) for house in (first, *others)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join(60)
    assert [answers(house) for house in (first, *others)] == [True] * 3
    assert "ended with status" not in "".join(house.log_text() for house in (first, *others))


def test_serve_says_in_one_line_that_the_port_is_taken(make_house):
    house = make_house()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = house.run("serve", "--port", str(taken.getsockname()[1]), check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert "Address already in use" in line
    ran = house.run("serve", "--host", "nowhere.invalid", check=False)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)


def test_a_database_that_is_away_or_has_no_tables_is_told_of_in_one_line(make_house):
    house = make_house()
    for words in (["list"], ["worker", "--once"], ["show", "K7PM-4QXD"]):
        ran = house.run(*words, check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
        assert "filsluss migrate" in ran.stderr
    away = make_house(DATABASE_URL=f"postgresql://anna:kanelbulle@127.0.0.1:{free_port()}/filsluss")
    for words in (["serve", "--port", str(free_port())], ["migrate"], ["list"]):
        ran = away.run(*words, check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
        assert "kanelbulle" not in ran.stderr


def findings(ran):
    """What `filsluss check` says of each part."""
    lines = [re.fullmatch(r"(OK   |WRONG) ([a-z ]+): (.+)", line) for line in ran.stdout.splitlines()]
    assert None not in lines, ran.stdout
    return {line[2]: (line[1].strip(), line[3]) for line in lines}


def wrong(ran):
    assert ran.stderr == ""
    return {part: text for part, (verdict, text) in findings(ran).items() if verdict == "WRONG"}


@pytest.fixture
def sound(make_house):
    house = make_house(BASE_URL="https://fts.example.se")
    house.run("migrate")
    return house


def test_check_says_ok_of_every_part_of_a_sound_house(sound):
    ran = sound.run("check")
    assert wrong(ran) == {}
    wanted = "settings,data folder,secret key,database,blob store,disk space,mail server,clock"
    assert set(wanted.split(",")) <= set(findings(ran))


def test_check_of_what_is_in_service_wants_the_worker_to_be_heard(sound):
    ran = sound.run("check", "--deploy", check=False)
    assert (ran.returncode, wrong(ran)["worker"][:24]) == (1, "has not been heard for a")
    sound.work()
    assert "worker" not in wrong(sound.run("check", "--deploy", check=False))


@pytest.mark.parametrize(
    ("part", "spoil", "mend"),
    [
        ("mail server", lambda house, post: post.shut(), "see FILSLUSS_SMTP_URL"),
        ("data folder", lambda house, post: house.data_dir.chmod(0o755), "chmod 700"),
        ("secret key", lambda house, post: (house.data_dir / "secret_key").chmod(0o644), "chmod 600"),
        ("secret key", lambda house, post: house.env.update(FILSLUSS_SECRET_KEY="kort"), "random one"),
        (
            "settings",
            lambda house, post: house.env.update(FILSLUSS_BASE_URL="http://fts.example.se"),
            "https",
        ),
        ("disk space", lambda house, post: house.env.update(FILSLUSS_FREE_SPACE="99.99%"), "must stay free"),
        (
            "blob store",
            lambda house, post: house.env.update(FILSLUSS_BLOB_URL="file:///dev/null/b"),
            "cannot be",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_check_names_the_part_that_is_wrong_and_how_to_mend_it(sound, post, part, spoil, mend):
    spoil(sound, post)
    ran = sound.run("check", check=False)
    found = wrong(ran)
    assert (ran.returncode, part in found, mend in found[part]) == (1, True, True)
    assert set(found) <= {part, "disk space"}


def test_check_of_a_database_without_tables_says_how_many_migrations_wait(make_house):
    house = make_house(BASE_URL="https://fts.example.se")
    ran = house.run("check", check=False)
    assert (ran.returncode, "run `filsluss migrate`" in wrong(ran)["database"]) == (1, True)


def test_a_data_folder_that_others_could_look_into_is_shut_when_the_house_starts(make_house):
    house = make_house()
    house.data_dir.mkdir(mode=0o755)
    house.start()
    assert house.data_dir.stat().st_mode & 0o777 == 0o700


def files_of(house, transfer):
    return [
        line.split()[1] for line in house.run("show", transfer).stdout.splitlines() if line[:5] == "file "
    ]


def test_list_and_show_tell_what_there_is(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x" * 10, filename="ritning åäö.pdf")
    mine = post.one("file-ready").transfer
    apply(house, FROM_OUTSIDE)
    theirs = post.one("approval-requested").transfer
    newest, oldest = house.run("list").stdout.splitlines()
    assert (newest[:9], oldest[:9]) == (theirs, mine)
    assert newest.split()[1:6] == ["pending", "inbound", BO, "->", ANNA]
    assert house.run("list", "--state", "open").stdout.splitlines() == [oldest]
    shown = house.run("show", mine.lower()).stdout
    assert all(text in shown for text in (mine, ANNA, BO, "ritning åäö.pdf", "file-ready", "approved"))
    assert path_of(upload).rpartition("/")[2] not in shown


def test_an_id_that_nothing_has_gets_status_1_and_one_line(sound):
    for words in (["show", "K7PM-4QXD"], ["show", "å\n"], ["remove", ""], ["close", "' OR 1=1"]):
        reason = [] if words[0] == "show" else ["--reason", "x"]
        ran = sound.run(*words, *reason, check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert len(ran.stderr.splitlines()) == 1


def test_nothing_is_removed_or_closed_without_a_reason_that_can_be_told(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x")
    letter = post.one("file-ready")
    (file,) = files_of(house, letter.transfer)
    for words in (
        ["remove", file, "  "],
        ["close", letter.transfer, ""],
        ["close", letter.transfer, "x" * 501],
    ):
        ran = house.run(*words[:2], "--reason", words[2], check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert fetch(house, letter).body == b"x"


def test_close_withdraws_an_undecided_application_and_the_sender_hears_why(house, post):
    apply(house, THROUGH)
    request = post.one("approval-requested")
    (link,) = request.links("decide")
    house.run("close", request.transfer, "--reason", "Bluffansökan.")
    assert "Bluffansökan." in post.one("rejected", to=BO).text
    answer = house.post(path_of(link), {"decision": "approve", "days": "3"})
    assert answer.status == 410
    again = house.run("close", request.transfer, "--reason", "igen", check=False)
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (1, "", 1)


def test_what_is_piped_into_a_reader_that_leaves_is_no_fault(sound):
    """`filsluss list | head -1`."""
    ran = subprocess.run(
        f"{sys.executable} -m filsluss help | head -n 1", shell=True, env=sound.env, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
