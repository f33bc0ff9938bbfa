"""`filsluss check --deploy`: what it finds of an upload that is cut on its way through a proxy."""

import subprocess

import pytest

from tests.deploy.conftest import fronted
from tests.parts import proxy
from tests.parts.house import House
from tests.parts.post import free_port


def finding(house: House, part: str = "uploads") -> tuple[str, int]:
    ran = house.run("check", "--deploy", check=False)
    (line,) = [line for line in ran.stdout.splitlines() if line[6:].startswith(f"{part}:")]
    return line, ran.returncode


def rows(house: House) -> str:
    """How many transfers, files, letters and entries there are, and how many blobs."""
    code = (
        "from filsluss.models import *; from pathlib import Path; import django.conf;"
        "print(Transfer.objects.count(), TransferFile.objects.count(), Letter.objects.count(),"
        " AuditEntry.objects.count(), len(list((django.conf.settings.DATA_DIR/'blobs').glob('*.d/*'))))"
    )
    return house.run("shell", "--no-imports", "-c", code).stdout.strip()


@pytest.fixture
def trusting(tmp_path, database_server, request):
    """A house behind a proxy of that kind, whose certificate it trusts."""
    for front in fronted(tmp_path, database_server, request.param):
        front.house.env["SSL_CERT_FILE"] = str(front.folder / "crt")
        yield front


@pytest.mark.parametrize("trusting", ["nginx", "caddy"], indirect=True)
def test_the_proxies_we_ship_settings_for_keep_what_came(trusting):
    line, _ = finding(trusting.house)
    assert line == "OK    uploads: 2.0 of 2.0 MiB were kept of an upload that was cut"
    assert rows(trusting.house) == "0 0 0 0 0"


def test_a_proxy_that_gathers_bodies_is_found_out(tmp_path, make_house):
    house = make_house(BASE_URL=f"https://localhost:{free_port()}", TRUSTED_PROXIES="127.0.0.1").start()
    try:
        front = proxy.nginx(tmp_path / "proxy", house, buffering=True)
    except proxy.ProxyMissing as missing:
        pytest.skip(str(missing))
    try:
        house.env["SSL_CERT_FILE"] = str(front.folder / "crt")
        line, status = finding(house)
        assert line == (
            "WRONG uploads: only 0.0 of 2.0 MiB were kept of an upload that was cut: "
            "the proxy gathers bodies; see `proxy_request_buffering` in docs/proxy.md"
        )
        assert status == 1
        assert rows(house) == "0 0 0 0 0"
    finally:
        front.stop()


def test_an_address_that_leads_elsewhere_is_found_out(make_house, tmp_path):
    house = make_house()
    house.run("migrate")
    line, _ = finding(house)
    assert line.startswith(f"WRONG uploads: {house.url} cannot be reached from here: ")
    with subprocess.Popen(
        ["python3", "-m", "http.server", str(house.port), "--bind", "127.0.0.1", "-d", str(tmp_path)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as other:
        try:
            for _ in range(100):
                line, _ = finding(house)
                if "cannot be reached" not in line:
                    break
        finally:
            other.terminate()
    assert line == (
        f"WRONG uploads: {house.url} answered 501 to POST, as this installation would not; see docs/proxy.md"
    )
    assert rows(house) == "0 0 0 0 0"
