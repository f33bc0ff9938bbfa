"""Every hostile name, by each kind of upload: refused, or made safe, and saved under the name shown."""

import base64
import json
import re
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from multipart import parse_options_header

from tests.parts.people import BOUNDARY, FORM, apply, download_links
from tests.parts.service import Service

NAMES = json.loads((Path(__file__).parent.parent / "data" / "filenames.json").read_text())
CASES = pytest.mark.parametrize("case", NAMES, ids=[case["form"] for case in NAMES])


def as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def over_tus(service: Service, account: str, name: str):
    about = f"filename {base64.b64encode(as_bytes(name)).decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "0", "Upload-Metadata": about}
    return service.request("POST", f"{account}/files", b"", headers)


def over_form(service: Service, account: str, name: str):
    """As browsers write names into a form (HTML, 4.10.21.8)."""
    written = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="'.encode()
    body = head + as_bytes(written) + f'"\r\n\r\n\r\n--{BOUNDARY}--\r\n'.encode()
    return service.request(
        "POST", account, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    )


def over_put(service: Service, account: str, name: str):
    return service.request("PUT", f"{account}/{quote(as_bytes(name), safe='')}", b"")


def live(service: Service, account: str) -> list[str]:
    files = json.loads(service.get(f"{account}/files").text)["files"]
    return [file["name"] for file in files if file["state"] not in ("erasing", "erased")]


REFUSED = {
    over_tus: {400},
    # A form whose only file has an empty name holds none.
    over_form: {400, 422},
    # "." and "" in an address name the folder, and nothing is put there.
    over_put: {400, 404, 405},
}


@pytest.fixture(scope="module")
def account_of_all(shared_service):
    """One account for all names, as 40 applications would only be slow."""
    return apply(shared_service, FORM, recipient_email="alla@rontgen.example").location


@CASES
@pytest.mark.parametrize("way", REFUSED, ids=lambda way: way.__name__)
def test_a_hostile_name_is_refused_or_made_safe(shared_service, account_of_all, way, case):
    before = live(shared_service, account_of_all)
    answer = way(shared_service, account_of_all, case["raw"])
    after = live(shared_service, account_of_all)[len(before) :]
    if way is over_tus and case["raw"] == "":
        assert (answer.status, after) == (201, ["unnamed"])
    elif case.get("refused") or (way is over_put and "/" in case["raw"]):
        assert (after, answer.status in REFUSED[way]) == ([], True), answer.status
    else:
        assert (answer.status, after) == (303 if way is over_form else 201, [case["clean"]])


def saved_as(header: str) -> tuple[str, str, str]:
    """What a browser saves it as (RFC 8187), and two readers that know the older half of the header only."""
    exact = re.fullmatch(r"attachment; filename=\"[^\"]*\"; filename\*=UTF-8''(\S+)", header)
    assert exact, header
    message = EmailMessage()
    message["Content-Disposition"] = header
    return unquote(exact[1], errors="strict"), str(message.get_filename()), plain_of(header)


def plain_of(header: str) -> str:
    kind, options = parse_options_header(header)
    assert kind == "attachment"
    return str(options["filename"])


def test_every_name_is_read_back_from_the_download_as_it_is_shown(shared_service, recipient):
    account = apply(shared_service, FORM, recipient_email=recipient).location
    wanted = sorted({case["clean"] for case in NAMES if "clean" in case})
    for name in wanted:
        over_tus(shared_service, account, name)
    letters = shared_service.mail_server.wait_for("file-ready", to=recipient, count=len(wanted))
    addresses = download_links(shared_service, letters[-1])
    headers = [shared_service.request("HEAD", each).headers["Content-Disposition"] for each in addresses]
    exact, first, second = zip(*map(saved_as, headers), strict=True)
    assert sorted(exact) == wanted
    assert first == second
    assert not set("".join(first)) & set('/\\:*?"<>|\r\n\0')
    assert all(header.isascii() and header.isprintable() for header in headers)
