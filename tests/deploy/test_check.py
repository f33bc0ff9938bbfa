"""`filsluss check --deploy`: what it reports on an upload that is interrupted on its way through a proxy."""

import signal
import subprocess

import pytest

from tests.deploy.conftest import behind_proxy
from tests.parts import proxy
from tests.parts.eventually import eventually
from tests.parts.mail_server import free_port
from tests.parts.service import Service


def finding(service: Service, part: str = "uploads") -> tuple[str, int]:
    ran = service.run("check", "--deploy", check=False)
    (line,) = [line for line in ran.stdout.splitlines() if line[6:].startswith(f"{part}:")]
    return line, ran.returncode


def rows(service: Service) -> str:
    """How many transfers, files, letters and entries there are, and how many blobs."""
    code = (
        "from filsluss.models import *; from pathlib import Path; import django.conf;"
        "print(Transfer.objects.count(), TransferFile.objects.count(), Letter.objects.count(),"
        " AuditEntry.objects.count(), len(list((django.conf.settings.DATA_DIR/'blobs').glob('*.d/*'))))"
    )
    return service.run("shell", "--no-imports", "-c", code).stdout.strip()


@pytest.fixture
def trusting(tmp_path, database_server, request):
    """A service behind a proxy of that kind, whose certificate it trusts."""
    for proxied in behind_proxy(tmp_path, database_server, request.param):
        proxied.service.env["SSL_CERT_FILE"] = str(proxied.folder / "crt")
        yield proxied


@pytest.mark.parametrize("trusting", ["nginx", "nginx sends", "caddy"], indirect=True)
def test_the_proxies_we_ship_settings_for_pass_on_an_interrupted_upload(trusting):
    ran = trusting.service.run("check", "--deploy", check=False)
    said = ran.stdout.splitlines()
    assert "OK    uploads: 2.0 of 2.0 MiB of an interrupted upload were kept" in said
    assert "OK    downloads: a file came through whole, and a range of it" in said
    assert "OK    proxy: no proxy forwards that is not named in FILSLUSS_TRUSTED_PROXIES" in said
    assert rows(trusting.service) == "0 0 0 0 0"


def test_a_proxy_that_buffers_bodies_is_reported(tmp_path, make_service):
    service = make_service(BASE_URL=f"https://localhost:{free_port()}", TRUSTED_PROXIES="127.0.0.1").start()
    try:
        proxied = proxy.nginx(tmp_path / "proxy", service, buffering=True)
    except proxy.ProxyMissing as missing:
        pytest.skip(str(missing))
    try:
        service.env["SSL_CERT_FILE"] = str(proxied.folder / "crt")
        line, status = finding(service)
        assert line == (
            "WRONG uploads: only 0.0 of 2.0 MiB of an interrupted upload were kept: "
            "the proxy buffers bodies; see `proxy_request_buffering` in docs/proxy.md"
        )
        assert status == 1
        assert rows(service) == "0 0 0 0 0"
    finally:
        proxied.stop()


@pytest.mark.parametrize("trusting", ["nginx sends"], indirect=True)
def test_a_proxy_that_may_not_read_the_blobs_is_reported(trusting):
    service, moved = trusting.service, trusting.folder / "elsewhere"
    text = (trusting.folder / "filsluss.conf").read_text()
    (trusting.folder / "filsluss.conf").write_text(
        text.replace(f"{service.data_dir}/blobs/", f"{moved}/")  # as a proxy without rights sees it
    )
    trusting.process.send_signal(signal.SIGHUP)
    line, status = eventually(lambda: finding(service, "downloads"), lambda found: "WRONG" in found[0])
    assert "to a download: with FILSLUSS_ACCEL the proxy must be able to read the blob folder" in line
    assert status == 1
    assert rows(service) == "0 0 0 0 0"


@pytest.mark.parametrize("trusting", ["nginx"], indirect=True)
def test_a_proxy_that_is_not_named_is_reported(trusting):
    service = trusting.service
    service.stop()
    del service.env["FILSLUSS_TRUSTED_PROXIES"]
    service.start()
    line, status = finding(service, "proxy")
    assert (line.startswith("WRONG proxy: a proxy that is not named forwards requests"), status) == (True, 1)


def test_an_address_that_leads_elsewhere_is_reported(make_service, tmp_path):
    service = make_service()
    service.run("migrate")
    line, _ = finding(service)
    assert line.startswith(f"WRONG uploads: {service.url} cannot be reached from here: ")
    with subprocess.Popen(
        ["python3", "-m", "http.server", str(service.port), "--bind", "127.0.0.1", "-d", str(tmp_path)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as other:
        try:
            line = eventually(lambda: finding(service)[0], lambda line: "cannot be reached" not in line)
        finally:
            other.terminate()
    assert line == (
        f"WRONG uploads: {service.url} answered 501 to POST, "
        "as this installation would not; see docs/proxy.md"
    )
    assert rows(service) == "0 0 0 0 0"
