"""What people do with a house: apply, decide, upload, fetch; each as their browser or program would."""

import base64
import re
from urllib.parse import urlsplit

from tests.parts.house import Answer, House
from tests.parts.post import Arrived

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


def apply(house: House, form: dict[str, str], **changes: str) -> Answer:
    """Sends the application and expects it to be taken."""
    answer = house.post("/", {**form, **changes})
    assert answer.status == 303, answer.text
    return answer


def path_of(link: str) -> str:
    return urlsplit(link).path


def approve(house: House, letter: Arrived, days: int = 7) -> Answer:
    """The approver opens the link and approves."""
    (link,) = letter.links("decide")
    answer = house.post(path_of(link), {"decision": "approve", "days": str(days)})
    assert answer.status == 303, answer.text
    return answer


def reject(house: House, letter: Arrived, reason: str) -> Answer:
    (link,) = letter.links("decide")
    answer = house.post(path_of(link), {"decision": "reject", "rejection_reason": reason})
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


def send_form(house: House, upload_path: str, files: dict[str, bytes], **fields: str) -> Answer:
    body = multipart(files, **fields)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return house.request("POST", upload_path, body, {"Content-Type": kind})


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in values.items())


def announce(house: House, upload_path: str, size: int, **values: str) -> Answer:
    """A tus creation without a body."""
    about = metadata(**{"filename": "fil.bin", **values})
    return house.request(
        "POST",
        f"{upload_path}/files",
        b"",
        {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": about},
    )


def append(house: House, where: str, offset: int, data: bytes, **more: str) -> Answer:
    return house.request(
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


def offset_of(house: House, where: str) -> int:
    answer = house.request("HEAD", where, headers={"Tus-Resumable": "1.0.0"})
    assert answer.status == 200, answer.status
    return int(answer.headers["Upload-Offset"])


def send_tus(house: House, upload_path: str, data: bytes, **values: str) -> Answer:
    """One file over tus, whole."""
    created = announce(house, upload_path, len(data), **values)
    assert created.status == 201, created.text
    return append(house, created.location, 0, data)


def download_links(house: House, letter: Arrived) -> list[str]:
    """The addresses of the bytes on the page that the letter leads to."""
    (link,) = letter.links("download")
    page = house.get(path_of(link))
    assert page.status == 200, page.text
    return re.findall(r'href="(/download/[A-Za-z0-9_-]{43}/[^"?]+)"', page.text)


def fetch(house: House, letter: Arrived, **headers: str) -> Answer:
    """The letter's own file."""
    return house.get(download_links(house, letter)[0], **headers)
