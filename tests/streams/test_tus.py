"""tus 1.0.0 over HTTP: every response, and nothing stored by a refusal."""

import base64
import hashlib
import itertools
import json
import os

import pytest

from filsluss.streams.files_api import between
from tests.parts.eventually import eventually
from tests.parts.people import announce, append, metadata, offset_of, path_of, send_tus

TUS = {"Tus-Resumable": "1.0.0"}
LIMIT = 2 * 1024**3


def listed(service, account):
    return json.loads(service.get(f"{account}/files").text)["files"]


def create(service, account, **headers):
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    return service.request("POST", f"{account}/files", b"", {**TUS, **sent})


def code_of(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    return json.loads(answer.text)["code"]


def test_options_says_what_is_spoken(shared_service, account):
    answer = shared_service.request("OPTIONS", f"{account}/files", headers={"Tus-Resumable": "9.9.9"})
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(LIMIT)
    assert answer.headers["Tus-Extension"] == (
        "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
    )
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,crc32c,sha512,crc32,sha1"


def test_a_file_is_announced_appended_to_and_whole(shared_service, account):
    created = announce(shared_service, account, 10, filename="räksmörgås.pdf")
    assert created.status == 201
    assert created.headers["Location"].startswith(f"{shared_service.url}{account}/files/")
    assert "GMT" in created.headers["Upload-Expires"]
    first = append(shared_service, created.location, 0, b"01234")
    assert (first.status, first.headers["Upload-Offset"]) == (204, "5")
    assert "GMT" in first.headers["Upload-Expires"]
    assert offset_of(shared_service, created.location) == 5
    last = append(shared_service, created.location, 5, b"56789")
    assert (last.status, last.headers["Upload-Offset"], last.headers["Upload-Expires"]) == (204, "10", None)
    assert [(file["name"], file["size"]) for file in listed(shared_service, account)] == [
        ("räksmörgås.pdf", 10)
    ]


def test_head_says_everything_it_must(shared_service, account):
    about = metadata(filename="a.txt", colour="red")
    created = create(shared_service, account, Upload_Length="7", Upload_Metadata=about)
    answer = shared_service.request("HEAD", created.location)
    assert answer.headers["Upload-Length"] == "7"
    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Upload-Metadata"] == about
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", ""])
def test_another_version_is_refused_with_the_one_we_speak(shared_service, account, version):
    headers = {} if version is None else {"Tus-Resumable": version}
    answer = shared_service.request("POST", f"{account}/files", b"", {**headers, "Upload-Length": "5"})
    assert (answer.status, code_of(answer)) == (412, "version_unsupported")
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert listed(shared_service, account) == []


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "length_invalid"),
        ({"Upload_Length": "5", "Upload_Defer_Length": "1"}, 400, "length_invalid"),
        ({"Upload_Defer_Length": "2"}, 400, "length_invalid"),
        ({"Upload_Length": "-1"}, 400, "length_invalid"),
        ({"Upload_Length": "+1"}, 400, "length_invalid"),
        ({"Upload_Length": "1e9"}, 400, "length_invalid"),
        ({"Upload_Length": "0x10"}, 400, "length_invalid"),
        ({"Upload_Length": "9" * 30}, 400, "length_invalid"),
        ({"Upload_Length": str(LIMIT + 1)}, 413, "too_large"),
        ({"Upload_Length": str(2**63)}, 413, "too_large"),
        ({"Upload_Length": "5", "Upload_Metadata": "filename !"}, 400, "metadata_invalid"),
        ({"Upload_Length": "5", "Upload_Metadata": "filename YQ==,filename YQ=="}, 400, "metadata_invalid"),
        ({"Upload_Length": "5", "Upload_Metadata": "filename YQBi"}, 400, "filename_invalid"),
        ({"Upload_Length": "5", "Upload_Concat": "partial"}, 400, "metadata_invalid"),
    ],
)
def test_a_creation_that_is_refused_stores_nothing(shared_service, account, headers, status, code):
    answer = create(shared_service, account, **headers)
    assert (answer.status, code_of(answer)) == (status, code)
    assert listed(shared_service, account) == []


def test_two_gibibytes_are_announced_and_one_byte_more_is_not(shared_service, account):
    assert announce(shared_service, account, LIMIT).status == 201
    assert announce(shared_service, account, LIMIT + 1).status == 413


def test_more_than_the_account_has_room_for_is_refused(shared_service, account):
    assert announce(shared_service, account, LIMIT).status == 201
    answer = announce(shared_service, account, LIMIT)
    assert (answer.status, code_of(answer)) == (413, "quota_exceeded")


def test_an_empty_file_is_a_file(shared_service, account):
    assert announce(shared_service, account, 0, filename="tom.txt").status == 201
    assert [file["state"] in ("received", "ready") for file in listed(shared_service, account)] == [True]


def test_the_first_bytes_may_come_with_the_announcement(shared_service, account):
    answer = shared_service.request(
        "POST",
        f"{account}/files",
        b"hej",
        {**TUS, "Upload-Length": "5", "Content-Type": "application/offset+octet-stream"},
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "3")
    assert append(shared_service, answer.location, 3, b"!!").status == 204


def test_a_first_body_longer_than_announced_leaves_nothing(shared_service, account):
    answer = shared_service.request(
        "POST",
        f"{account}/files",
        b"hejsan",
        {**TUS, "Upload-Length": "5", "Content-Type": "application/offset+octet-stream"},
    )
    assert (answer.status, code_of(answer)) == (413, "too_large")
    assert listed(shared_service, account) == []


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "application/octet-stream"}, 415, "content_type"),
        ({"Content-Type": ""}, 415, "content_type"),
        ({"Upload-Offset": "2"}, 409, "offset_mismatch"),
        ({"Upload-Offset": "9"}, 409, "offset_mismatch"),
        ({"Upload-Offset": ""}, 400, "offset_invalid"),
        ({"Upload-Offset": "-3"}, 400, "offset_invalid"),
        ({"Tus-Resumable": "2.0.0"}, 412, "version_unsupported"),
        ({"Upload-Checksum": "md5 AAAA"}, 400, "checksum_unsupported"),
        ({"Upload-Checksum": "sha1 " + base64.b64encode(b"x" * 20).decode()}, 460, "checksum_mismatch"),
    ],
)
def test_an_append_that_is_refused_moves_nothing(shared_service, account, headers, status, code):
    where = announce(shared_service, account, 9).location
    append(shared_service, where, 0, b"012")
    good = {**TUS, "Upload-Offset": "3", "Content-Type": "application/offset+octet-stream"}
    answer = shared_service.request("PATCH", where, b"345", {**good, **headers})
    assert (answer.status, code_of(answer)) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert offset_of(shared_service, where) == 3
    assert append(shared_service, where, 3, b"345678").status == 204


def test_a_mismatch_says_the_right_offset(shared_service, account):
    where = announce(shared_service, account, 9).location
    append(shared_service, where, 0, b"0123")
    answer = append(shared_service, where, 2, b"x")
    problem = json.loads(answer.text)
    assert (answer.headers["Upload-Offset"], problem["expected"], problem["provided"]) == ("4", 4, 2)


def test_a_body_longer_than_what_is_left_stores_nothing(shared_service, account):
    where = announce(shared_service, account, 4).location
    answer = append(shared_service, where, 0, b"012345")
    assert (answer.status, code_of(answer)) == (413, "too_large")
    assert offset_of(shared_service, where) == 0


def test_a_finished_upload_may_be_finished_again_without_a_second_letter(shared_service, account):
    created = announce(shared_service, account, 4)
    append(shared_service, created.location, 0, b"0123")
    again = append(shared_service, created.location, 4, b"")
    assert (again.status, again.headers["Upload-Offset"]) == (204, "4")
    assert append(shared_service, created.location, 4, b"x").status == 413


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1"])
def test_a_checksum_is_compared(shared_service, account, algorithm):
    where = announce(shared_service, account, 6).location
    right = base64.b64encode(hashlib.new(algorithm, b"012").digest()).decode()
    assert append(shared_service, where, 0, b"012", Upload_Checksum=f"{algorithm} {right}").status == 204
    wrong = append(shared_service, where, 3, b"xyz", Upload_Checksum=f"{algorithm} {right}")
    assert (wrong.status, code_of(wrong)) == (460, "checksum_mismatch")
    assert offset_of(shared_service, where) == 3


def test_a_length_may_be_put_off_and_is_then_fixed(shared_service, account):
    created = create(shared_service, account, Upload_Defer_Length="1")
    answer = shared_service.request("HEAD", created.location)
    assert (answer.headers["Upload-Defer-Length"], answer.headers["Upload-Length"]) == ("1", None)
    assert append(shared_service, created.location, 0, b"012").status == 204
    short = append(shared_service, created.location, 3, b"", Upload_Length="2")
    assert (short.status, code_of(short)) == (400, "length_invalid")
    long = append(shared_service, created.location, 3, b"", Upload_Length=str(LIMIT + 1))
    assert (long.status, code_of(long)) == (413, "too_large")
    assert append(shared_service, created.location, 3, b"3", Upload_Length="5").status == 204
    other = append(shared_service, created.location, 4, b"", Upload_Length="6")
    assert (other.status, code_of(other)) == (400, "length_invalid")
    assert append(shared_service, created.location, 4, b"4").status == 204
    assert [file["size"] for file in listed(shared_service, account)] == [5]


def test_a_post_may_name_the_method_a_proxy_would_stop(shared_service, account):
    where = announce(shared_service, account, 3).location
    good = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    answer = shared_service.request("POST", where, b"012", {**good, "X-HTTP-Method-Override": "PATCH"})
    assert answer.status == 204
    answer = shared_service.request("GET", where, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert answer.status == 405
    assert [file["state"] for file in listed(shared_service, account)] != ["erasing"]


def test_an_upload_is_terminated(shared_service, account):
    where = announce(shared_service, account, 3).location
    assert shared_service.request("DELETE", where, headers=TUS).status == 204
    assert shared_service.request("HEAD", where, headers=TUS).status == 410
    assert append(shared_service, where, 0, b"012").status == 410


def test_an_unknown_upload_or_account_is_not_found(shared_service, account):
    assert shared_service.request("HEAD", f"{account}/files/{'x' * 22}", headers=TUS).status == 404
    other = "/upload/" + "A" * 43
    answer = announce(shared_service, other, 3)
    assert (answer.status, code_of(answer)) == (404, "not_found")
    assert (
        shared_service.request("HEAD", f"{account}/files/..%2f..%2fetc%2fpasswd", headers=TUS).status == 404
    )


def test_one_accounts_link_does_not_open_anothers_upload(shared_service, account):
    from tests.parts.people import FORM, apply

    where = announce(shared_service, account, 3).location
    stranger = apply(shared_service, FORM).location
    other = f"{stranger}/files/{where.rpartition('/')[2]}"
    assert shared_service.request("HEAD", other, headers=TUS).status == 404
    assert append(shared_service, other, 0, b"012").status == 404


def test_another_sites_page_may_not_move_a_byte(shared_service, account):
    where = announce(shared_service, account, 3).location
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        good = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        answer = shared_service.request("PATCH", where, b"012", {**good, **foreign})
        assert (answer.status, code_of(answer)) == (403, "forbidden_origin")
    assert offset_of(shared_service, where) == 0


def test_no_answer_lets_another_origin_read_it(shared_service, account):
    answer = shared_service.request("OPTIONS", f"{account}/files", headers={"Origin": "https://evil.example"})
    assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


def test_the_samples_tell_whether_the_file_in_hand_goes_on_here(shared_service, account):
    data = os.urandom(3 * 1024 * 1024)
    where = announce(shared_service, account, len(data) + 1).location
    append(shared_service, where, 0, data)
    samples = json.loads(shared_service.get(f"{where}/samples").text)
    assert samples["offset"] == len(data)
    for part in (samples["head"], *samples["between"], samples["tail"]):
        piece = data[part["start"] : part["end"]]
        assert hashlib.sha256(piece).hexdigest() == part["sha256"]
    assert (samples["head"]["start"], samples["tail"]["end"]) == (0, len(data))


@pytest.mark.parametrize("length", [0, 1, 1 << 18, (1 << 18) + 1, 700_001, 16 << 20, (16 << 20) + 1, 5 << 30])
def test_the_samples_between_leave_no_byte_out_of_a_small_file_and_are_spread_over_a_large_one(length):
    start, end = 1 << 20, (1 << 20) + length
    found = between(start, end)
    assert all(start <= first < last <= end for first, last in found)
    assert sum(last - first for first, last in found) <= 16 << 20
    if length:
        assert (found[0][0], found[-1][1]) == (start, end)
    gaps = [later - earlier for (_, earlier), (later, _) in itertools.pairwise(found)]
    assert max(gaps, default=0) <= (0 if length <= 16 << 20 else length // 63)


def test_a_whole_file_is_put_in_one_request(shared_service, account):
    answer = shared_service.request("PUT", f"{account}/r%C3%A4v.txt?with_code=1", b"hej")
    assert answer.status == 201
    assert path_of(answer.headers["Location"]).startswith(f"{account}/files/")
    (file,) = listed(shared_service, account)
    assert (file["name"], file["size"], file["with_code"]) == ("räv.txt", 3, True)


def test_a_file_put_without_a_length_is_as_long_as_what_came(shared_service, account):
    answer = shared_service.request("PUT", f"{account}/a.bin", iter([b"abc", b"def"]))  # chunked
    assert answer.status == 201
    assert [file["size"] for file in listed(shared_service, account)] == [6]


def test_a_received_file_becomes_ready_with_its_sha256(shared_service, account):
    send_tus(shared_service, account, b"hej")
    file = eventually(lambda: listed(shared_service, account)[0], lambda file: file["state"] == "ready")
    assert file["sha256"] == hashlib.sha256(b"hej").hexdigest()


@pytest.mark.parametrize(
    ("algorithm", "right"),
    [("crc32", "NSRBwg=="), ("crc32c", "Nks/tw==")],  # zlib's and RFC 3720's sums of b"abc", in network order
)
def test_a_cyclic_sum_is_compared_in_network_order(shared_service, account, algorithm, right):
    where = announce(shared_service, account, 6).location
    assert append(shared_service, where, 0, b"abc", Upload_Checksum=f"{algorithm} {right}").status == 204
    wrong = append(shared_service, where, 3, b"abd", Upload_Checksum=f"{algorithm} {right}")
    assert (wrong.status, code_of(wrong)) == (460, "checksum_mismatch")
    assert offset_of(shared_service, where) == 3


def test_a_checksum_is_compared_in_a_creation_and_takes_it_back(shared_service, account):
    right = base64.b64encode(hashlib.sha256(b"hej").digest()).decode()
    about = {**TUS, "Upload-Length": "3", "Content-Type": "application/offset+octet-stream"}
    for body, status in ((b"hej", 201), (b"nej", 460)):
        answer = shared_service.request(
            "POST", f"{account}/files", body, {**about, "Upload-Checksum": f"sha256 {right}"}
        )
        assert answer.status == status
    live = [file for file in listed(shared_service, account) if file["state"] not in ("erasing", "erased")]
    assert len(live) == 1


def test_a_chunked_piece_with_a_checksum_that_breaks_off_is_forgotten_whole(shared_service, account):
    from tests.parts.raw_http import RawConnection

    where = announce(shared_service, account, 9).location
    right = base64.b64encode(hashlib.sha1(b"012345").digest()).decode()
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, b"0123", length=6, Upload_Checksum=f"sha1 {right}")
        connection.half_close()
        response = connection.read_response()
        assert (response.status, response.headers["Upload-Offset"]) == (503, "0")
    assert offset_of(shared_service, where) == 0


class TestPromisedSum:
    """The sender says what the whole file's SHA-256 is; it is compared before anybody may fetch it."""

    DATA = b"kontrollera mig"

    def send(self, service, account, way, data, digest):
        if way == "tus":
            return send_tus(service, account, data, sha256=digest).status
        coded = base64.b64encode(bytes.fromhex(digest)).decode()
        return service.request("PUT", f"{account}/a.bin", data, {"Repr-Digest": f"sha-256=:{coded}:"}).status

    def settled(self, service, account):
        file = eventually(
            lambda: listed(service, account)[0], lambda file: file["state"] in ("ready", "erased")
        )
        return file["state"], file["erased_because"]

    @pytest.mark.parametrize("way", ["tus", "put"])
    def test_a_file_that_is_as_promised_is_ready(self, shared_service, account, way):
        digest = hashlib.sha256(self.DATA).hexdigest()
        assert self.send(shared_service, account, way, self.DATA, digest.upper()) in (201, 204)
        assert self.settled(shared_service, account) == ("ready", "")

    @pytest.mark.parametrize("way", ["tus", "put"])
    def test_a_file_that_is_not_is_damaged_and_its_sender_reads_so(self, shared_service, account, way):
        digest = hashlib.sha256(self.DATA).hexdigest()
        assert self.send(shared_service, account, way, self.DATA + b"!", digest) in (201, 204)
        assert self.settled(shared_service, account) == ("erased", "damaged")
        words = "Filen skadades på vägen eller i lagringen och behöver laddas upp igen."
        assert words in shared_service.get(account).text

    @pytest.mark.parametrize("digest", ["", "abc", "g" * 64, "0" * 65, "å"])
    def test_a_promise_that_cannot_be_one_is_refused(self, shared_service, account, digest):
        answer = announce(shared_service, account, 5, sha256=digest)
        assert (answer.status, code_of(answer)) == (400, "metadata_invalid")
        assert listed(shared_service, account) == []
