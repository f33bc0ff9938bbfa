"""The commands: serve supervises web and worker, check says what is wrong, others list, show and change."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.parts.eventually import eventually
from tests.parts.mail_server import free_port
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
)
from tests.parts.service import Service, has_exited, process_tree


def child(service, name):
    """The process that is the service's web or worker; 0 while there is none."""
    for pid in process_tree(service.process.pid)[1:]:
        try:
            called = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        if called == f"filsluss-{name}" and int(parent) == service.process.pid and not has_exited(pid):
            return pid
    return 0


def answers(service):
    try:
        return service.get("/healthz").status == 200
    except OSError:
        return False


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("name", ["web", "worker"])
def test_serve_restarts_a_process_that_exits_after_growing_pauses(service, mail_server, name):
    for pause in ("1 s", "2 s"):
        killed = child(service, name)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda killed=killed: child(service, name) not in (0, killed))
        assert f"{name} ended with status -9; restarting it in {pause}" in service.log_text()
    eventually(lambda: answers(service))
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x")
    assert fetch(service, mail_server.one("file-ready")).body == b"x"
    assert service.stop() == 0


@pytest.mark.postgresql_if_full
def test_when_the_parent_is_killed_its_children_end_too(service):
    processes = process_tree(service.process.pid)
    assert len(processes) >= 4
    os.kill(service.process.pid, signal.SIGKILL)
    eventually(lambda: all(has_exited(pid) for pid in processes))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_on_a_signal_the_service_keeps_what_has_come_answers_and_exits(service, sig):
    upload = apply(service, FORM).location
    where = announce(service, upload, 1000).location
    head = (
        f"PATCH {where} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"x" * 600)
        eventually(lambda: sum(blob.stat().st_size for blob in service.data_dir.glob("blobs/*.d/*")) == 600)
        processes = process_tree(service.process.pid)
        service.process.send_signal(sig)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert (answer[9:12], b'"shutting_down"' in answer) == (b"503", True)
    assert service.process.wait(12) == 0
    assert [pid for pid in processes if not has_exited(pid)] == []
    service.start()
    assert offset_of(service, where) == 600


@pytest.mark.postgresql_if_full
def test_web_or_worker_alone_ends_with_status_0_too(make_service):
    service = make_service()
    assert service.start("web").stop() == 0
    service.start("worker")
    eventually(
        lambda: service.run("check", "--deploy", check=False).stdout.count("OK    worker: last heartbeat")
    )
    assert service.stop() == 0


def second_process(service, request):
    other = Service(service.data_dir)
    other.is_bare = service.is_bare
    other.env, other.log = service.env, service.log
    request.addfinalizer(other.tear_down)
    return other


@pytest.mark.postgresql_if_full
def test_web_and_worker_may_be_started_apart(make_service, mail_server, request):
    web = make_service()
    web.start("web")
    upload = apply(web, FORM).location
    send_tus(web, upload, b"x")
    assert mail_server.letters == []
    second_process(web, request).start("worker")
    assert fetch(web, mail_server.one("file-ready")).body == b"x"
    assert web.get("/static/filsluss/mark.svg").status == 200


def test_services_that_start_at_once_on_one_database_migrate_it_one_at_a_time(make_service, request):
    first = make_service(is_bare=True)
    others = [second_process(first, request) for _ in range(2)]
    for number, service in enumerate((first, *others)):
        service.log = first.data_dir.with_suffix(f".{number}.log")
    starting = [threading.Thread(target=service.start) for service in (first, *others)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join(60)
    assert [answers(service) for service in (first, *others)] == [True] * 3
    assert "ended with status" not in "".join(service.log_text() for service in (first, *others))


@pytest.mark.postgresql_if_full
def test_serve_says_in_one_line_that_the_port_is_taken(make_service):
    service = make_service()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = service.run("serve", "--port", str(taken.getsockname()[1]), check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert "Address already in use" in line
    for command in ("serve", "web"):
        ran = service.run(command, "--host", "nowhere.invalid", check=False)
        assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
        ran = service.run(command, "--host", " ", check=False, seconds=20)
        assert (ran.returncode, "--host" in ran.stderr) == (2, True)


def test_a_database_that_is_away_or_has_no_tables_is_told_of_in_one_line(make_service):
    service = make_service(is_bare=True)
    for words in (
        ["list"],
        ["worker", "--once"],
        ["worker"],
        ["web", "--port", str(free_port())],
        ["show", "K7PM-4QXD"],
    ):
        ran = service.run(*words, check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
        assert "filsluss migrate" in ran.stderr
    away = make_service(DATABASE_URL=f"postgresql://anna:kanelbulle@127.0.0.1:{free_port()}/filsluss")
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
def sound(make_service):
    service = make_service(BASE_URL="https://fts.example.se")
    service.run("migrate")
    return service


def test_check_says_ok_of_every_part_of_a_sound_installation(sound):
    ran = sound.run("check")
    assert wrong(ran) == {}
    wanted = "settings,data folder,secret key,database,blob store,disk space,mail server,clock"
    assert set(wanted.split(",")) <= set(findings(ran))


def test_check_deploy_wants_a_heartbeat_of_the_worker(sound):
    ran = sound.run("check", "--deploy", check=False)
    assert (ran.returncode, wrong(ran)["worker"][:12]) == (1, "no heartbeat")
    sound.run_worker()
    assert "worker" not in wrong(sound.run("check", "--deploy", check=False))


def test_check_deploy_says_when_the_key_lies_beside_the_database(sound, tmp_path, database_server):
    def are_together():
        verdict, text = findings(sound.run("check", "--deploy", check=False))["key place"]
        assert verdict == "OK"
        return "share a folder" in text

    in_one_folder = database_server is None
    assert are_together() is in_one_folder
    apart = tmp_path / "apart"
    apart.write_bytes((sound.data_dir / "secret_key").read_bytes())
    sound.env["FILSLUSS_SECRET_KEY_FILE"] = str(apart)
    assert are_together() is False
    sound.env["FILSLUSS_SECRET_KEY_FILE"] = str(sound.data_dir / "secret_key")
    assert are_together() is in_one_folder


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("part", "damage", "remedy"),
    [
        ("mail server", lambda service, mail_server: mail_server.stop(), "see FILSLUSS_SMTP_URL"),
        ("data folder", lambda service, mail_server: service.data_dir.chmod(0o755), "chmod 700"),
        (
            "secret key",
            lambda service, mail_server: (service.data_dir / "secret_key").chmod(0o644),
            "chmod 600",
        ),
        (
            "secret key",
            lambda service, mail_server: service.env.update(FILSLUSS_SECRET_KEY="kort"),
            "random one",
        ),
        (
            "settings",
            lambda service, mail_server: service.env.update(FILSLUSS_BASE_URL="http://fts.example.se"),
            "https",
        ),
        (
            "disk space",
            lambda service, mail_server: service.env.update(FILSLUSS_FREE_SPACE="99.99%"),
            "must stay free",
        ),
        (
            "blob store",
            lambda service, mail_server: service.env.update(FILSLUSS_BLOB_URL="file:///proc/b"),
            "cannot be",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_check_names_the_part_that_is_wrong_and_how_to_repair_it(sound, mail_server, part, damage, remedy):
    damage(sound, mail_server)
    ran = sound.run("check", check=False)
    found = wrong(ran)
    assert (ran.returncode, part in found, remedy in found[part]) == (1, True, True)
    assert set(found) <= {part, "disk space"}


def test_check_takes_an_empty_database_for_what_it_is_and_counts_the_migrations_of_another(make_service):
    service = make_service(is_bare=True, BASE_URL="https://fts.example.se")
    ran = service.run("check")
    assert wrong(ran) == {}
    assert findings(ran)["database"][1].endswith(", empty: `filsluss serve` makes its tables")
    assert findings(ran)["nodes"][1].startswith("none runs")
    service.run("migrate", "filsluss", "0003")
    ran = service.run("check", check=False)
    assert (ran.returncode, list(wrong(ran))) == (1, ["database"])
    assert "run `filsluss migrate`" in wrong(ran)["database"]


@pytest.mark.postgresql_if_full
def test_a_data_folder_that_others_could_read_is_closed_at_start(make_service):
    service = make_service()
    service.data_dir.mkdir(mode=0o755)
    service.start()
    assert service.data_dir.stat().st_mode & 0o777 == 0o700


def files_of(service, transfer):
    return [
        line.split()[1] for line in service.run("show", transfer).stdout.splitlines() if line[:5] == "file "
    ]


def test_list_and_show_tell_what_there_is(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x" * 10, filename="ritning åäö.pdf")
    mine = mail_server.one("file-ready").transfer
    apply(service, FROM_OUTSIDE)
    theirs = mail_server.one("approval-requested").transfer
    newest, oldest = service.run("list").stdout.splitlines()
    assert (newest[:9], oldest[:9]) == (theirs, mine)
    assert newest.split()[1:6] == ["pending", "inbound", BO, "->", ANNA]
    assert service.run("list", "--state", "open").stdout.splitlines() == [oldest]
    shown = service.run("show", mine.lower()).stdout
    assert all(text in shown for text in (mine, ANNA, BO, "ritning åäö.pdf", "file-ready", "approved"))
    assert path_of(upload).rpartition("/")[2] not in shown


def test_an_id_that_nothing_has_gets_status_1_and_one_line(sound):
    for words in (["show", "K7PM-4QXD"], ["show", "å\n"], ["remove", ""], ["close", "' OR 1=1"]):
        reason = [] if words[0] == "show" else ["--reason", "x"]
        ran = sound.run(*words, *reason, check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert len(ran.stderr.splitlines()) == 1


@pytest.mark.postgresql_if_full
def test_nothing_is_removed_or_closed_without_a_reason_that_can_be_told(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x")
    letter = mail_server.one("file-ready")
    (file,) = files_of(service, letter.transfer)
    for words in (
        ["remove", file, "  "],
        ["close", letter.transfer, ""],
        ["close", letter.transfer, "x" * 501],
    ):
        ran = service.run(*words[:2], "--reason", words[2], check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert fetch(service, letter).body == b"x"


@pytest.mark.postgresql_if_full
def test_a_reason_with_a_personal_number_needs_a_word_that_it_is_none(service, mail_server):
    apply(service, THROUGH)
    transfer = mail_server.one("approval-requested").transfer
    words = ("close", transfer, "--reason", "Avser 811218-9876")
    ran = service.run(*words, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "--no-personal-number" in ran.stderr
    assert service.run(*words, "--no-personal-number").stdout == f"{transfer} is rejected\n"


def test_close_withdraws_an_undecided_application_and_the_sender_hears_why(service, mail_server):
    apply(service, THROUGH)
    request = mail_server.one("approval-requested")
    (link,) = request.links("decide")
    service.run("close", request.transfer, "--reason", "Bluffansökan.")
    assert "Bluffansökan." in mail_server.one("rejected", to=BO).text
    answer = service.post(path_of(link), {"decision": "approve", "days": "3"})
    assert answer.status == 410
    again = service.run("close", request.transfer, "--reason", "igen", check=False)
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (1, "", 1)


@pytest.mark.postgresql_if_full
def test_output_piped_into_a_reader_that_exits_is_no_error(sound):
    """`filsluss list | head -1`."""
    ran = subprocess.run(
        f"{sys.executable} -m filsluss help | head -n 1",
        shell=True,
        env=sound.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ran.stderr
