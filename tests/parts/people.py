"""What people do with the service: apply, decide, upload, fetch; each as their browser or program would."""

import base64
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer, ReceivedLetter
from tests.parts.service import Response, Service
from tests.parts.storage import rows

ANNA = "anna.berg@ltdalarna.se"
KARIN = "karin.lund@ltdalarna.se"
BO = "bo@rontgen.example"
EVA = "eva@konsult.example"

FORM = {
    "sender_name": "Anna Berg",
    "sender_email": ANNA,
    "recipient_email": BO,
    "purpose": "Ritningar till den nya mottagningen",
    "language": "sv",
    "accept_terms": "on",
}
FROM_OUTSIDE = {**FORM, "sender_name": "Bo Ek", "sender_email": BO, "recipient_email": ANNA}
THROUGH = {
    **FROM_OUTSIDE,
    "recipient_email": EVA,
    "recipient_outside": "on",
    "approver_email": KARIN,
}
BOUNDARY = "----filsluss-test"


def apply(service: Service, form: dict[str, str], **changes: str) -> Response:
    """Sends the application and expects it to be taken."""
    answer = service.post("/", {**form, **changes})
    assert answer.status == 303, answer.text
    return answer


def path_of(link: str) -> str:
    return urlsplit(link).path


def approve(service: Service, letter: ReceivedLetter, days: int = 7) -> Response:
    """The approver opens the link and approves."""
    (link,) = letter.links("decide")
    answer = service.post(path_of(link), {"decision": "approve", "days": str(days)})
    assert answer.status == 303, answer.text
    return answer


def reject(service: Service, letter: ReceivedLetter, reason: str) -> Response:
    (link,) = letter.links("decide")
    answer = service.post(path_of(link), {"decision": "reject", "rejection_reason": reason})
    assert answer.status == 303, answer.text
    return answer


def multipart(files: dict[str, bytes], **fields: str) -> bytes:
    """What a browser without script sends: the fields, then the files."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, content in files.items():
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        parts.append(
            f"--{BOUNDARY}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send_form(service: Service, upload_path: str, files: dict[str, bytes], **fields: str) -> Response:
    body = multipart(files, **fields)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return service.request("POST", upload_path, body, {"Content-Type": kind})


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in values.items())


def announce(service: Service, upload_path: str, size: int, **values: str) -> Response:
    """A tus creation without a body."""
    about = metadata(**{"filename": "fil.bin", **values})
    return service.request(
        "POST",
        f"{upload_path}/files",
        b"",
        {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": about},
    )


def append(service: Service, where: str, offset: int, data: bytes, **more: str) -> Response:
    return service.request(
        "PATCH",
        where,
        data,
        {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            **{name.replace("_", "-"): text for name, text in more.items()},
        },
    )


def offset_of(service: Service, where: str) -> int:
    answer = service.request("HEAD", where, headers={"Tus-Resumable": "1.0.0"})
    assert answer.status == 200, answer.status
    return int(answer.headers["Upload-Offset"])


def send_tus(service: Service, upload_path: str, data: bytes, **values: str) -> Response:
    """One file over tus, whole."""
    created = announce(service, upload_path, len(data), **values)
    assert created.status == 201, created.text
    return append(service, created.location, 0, data)


def download_links(service: Service, letter: ReceivedLetter) -> list[str]:
    """The addresses of the bytes on the page that the letter leads to."""
    (link,) = letter.links("download")
    page = service.get(path_of(link))
    assert page.status == 200, page.text
    return re.findall(r'href="(/download/[A-Za-z0-9_-]{43}/[^"?]+)"', page.text)


def fetch(service: Service, letter: ReceivedLetter, **headers: str) -> Response:
    """The letter's own file."""
    return service.get(download_links(service, letter)[0], **headers)


def close_receipts(service: Service) -> None:
    """Waits until a fetch is noted, and then lets the ten minutes pass in which a receipt collects."""
    eventually(lambda: rows(service, "SELECT id FROM filsluss_letter WHERE delivery = 'collecting'"))
    service.run_worker(at=datetime.now(UTC) + timedelta(minutes=11))


def receipt(service: Service, mail_server: MailServer, *, to: str = "") -> ReceivedLetter:
    """The one letter about what was fetched."""
    close_receipts(service)
    return mail_server.one("files-downloaded", to=to)


def receipts(service: Service, mail_server: MailServer) -> list[ReceivedLetter]:
    """The letters about all that was fetched so far, whosever they are."""
    close_receipts(service)
    return mail_server.of("files-downloaded")
