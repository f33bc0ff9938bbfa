"""A bucket: the few requests that a store of blobs makes of it, and their errors in the store's words."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import botocore.httpsession
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.protocol import ObjectMissing, ObjectRefused, StoreAway, StoreFull, StoreRefused

TIMES = {"connect_timeout": 3, "read_timeout": 30, "retries": {"mode": "standard", "total_max_attempts": 3}}
"""Of a request, in seconds; 30 is for the next byte. "standard" tries again what gets no answer, or one that

says that it will pass (5xx, 429, SlowDown). It waits between tries, each time longer, and never equally long.
Then it is StoreAway, and whoever asked decides whether to ask again.
"""
QUICK = {"connect_timeout": 1, "read_timeout": 2, "retries": {"mode": "standard", "total_max_attempts": 1}}
BLOCK = 1 << 20
"""Bytes of a body that are read and sent at a time. botocore's 128 KiB cost a tenth more processor time."""
CONNECTIONS = 64
"""Kept open by each process; further ones are closed after use."""
STORE, READ, DELETE = "store bytes", "read bytes", "delete"
FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
BUSY = {"SlowDown", "InternalError", "RequestTimeout", "RequestTimeTooSkewed"}
MISSING, NO_VERSION, NO_BUCKET = "NoSuchKey", "NoSuchVersion", "NoSuchBucket"
"""What a store says itself. A bare 404 may come from whatever stands before it, and is not believed."""
OF_ONE_OBJECT = {"AccessDenied", "InvalidObjectState"}
"""Refusals that a lock, a policy or an archive may have for one object and not for the next."""
UNKNOWN_REQUEST = {"NotImplemented", "MethodNotAllowed", "501", "405"}
MOST_DELETED = 1000
"""How many objects one request deletes (Amazon S3, DeleteObjects)."""

botocore.httpsession.BUFFER_SIZE = BLOCK  # there is no setting of a client for it


class Version(NamedTuple):
    """A version of an object, or a mark that it was deleted; `number` is empty where none are kept."""

    key: str
    number: str = ""
    is_current: bool = False
    modified: datetime = datetime.min.replace(tzinfo=UTC)


@contextlib.contextmanager
def our_errors(action: str) -> Iterator[None]:
    """Raises StoreAway of the kind that it is, ObjectMissing for READ only, and StoreFull for STORE.

    A store with no room may refuse anything in these words; but what we read or delete needs no room of it.
    An answer in which a number, a time or a name cannot be read is none of the store's: botocore raises
    whatever Python does then, and so may whoever looks into the answer in this context.
    """
    try:
        yield
    except ClientError as fault:
        code, status = _said(fault)
        if action == STORE and (code in FULL or status == 507):
            raise StoreFull(action) from None
        raise _kind(action, code, status)(f"the store did not {action}: {code or status}") from fault
    except NoCredentialsError as fault:
        raise StoreAway(f"the store could not be asked to {action}: no keys are set or found") from fault
    except (BotoCoreError, ResponseParserError) as fault:
        raise StoreAway(f"the store could not be asked to {action}: {type(fault).__name__}") from fault
    except Exception as fault:  # see above
        raise StoreAway(f"the store's answer to {action} makes no sense: {type(fault).__name__}") from fault


def _kind(action: str, code: str, status: int = 400) -> type[StoreAway]:
    if code == MISSING and action == READ:
        return ObjectMissing
    if code in OF_ONE_OBJECT and action in (READ, DELETE):
        return ObjectRefused
    is_bare = code in ("", str(status))
    passes = status >= 500 or status == 429 or code in BUSY or (status == 404 and is_bare)
    return StoreAway if passes else StoreRefused


@cache
def descriptions() -> Loader:
    """What botocore reads before it makes a client: a tenth of a second of work, so once in a process."""
    return create_loader(get_session().get_config_variable("data_path"))


class ObjectStream:
    """The bytes of one answer, as they come. Whoever opens it closes it."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end; raises StoreAway if it breaks off before that."""
        try:
            return bytes(self._body.read(size))
        except Exception as fault:  # those of TLS, for one, are not among the library's own
            raise StoreAway(f"the store broke off: {type(fault).__name__}") from fault

    def close(self) -> None:
        self._body.close()


class Bucket:
    """Safe in any thread, and in a process that was forked. `before_waiting` is called before each request.

    Keys of objects are those below the address's prefix. `credentials` says the access key and the secret key
    that count now: they may change while requests are made. Without any those of the machine's surroundings
    count, as botocore finds them, which renews those of a role by itself.
    """

    def __init__(
        self,
        address: BucketAddress,
        credentials: Callable[[], tuple[str, str]] = lambda: ("", ""),
        *,
        before_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self.address, self._credentials = address, credentials
        self._before_waiting = before_waiting
        self._mutex = threading.Lock()
        self._made_for: tuple[int, tuple[str, str]] | None = None
        """Which process and which credentials the clients are of."""
        self._clients: dict[str, Any] = {}

    def client(self, *, quick: bool = False) -> Any:
        """botocore's client, with connections of this process; a quick one does not wait long."""
        with self._mutex:
            wanted = os.getpid(), self._credentials()
            if self._made_for != wanted:
                self._made_for, self._clients = wanted, {}
            name = "quick" if quick else "patient"
            if name not in self._clients:
                self._clients[name] = self._made(QUICK if quick else TIMES, wanted[1])
            return self._clients[name]

    def _made(self, times: dict[str, Any], credentials: tuple[str, str]) -> Any:
        """Over TLS, which guards the bytes on the way, neither a checksum of them is sent nor one signed.

        That is more than half the CPU of an upload. A signature is over the method, key and headers then, and
        the body belongs to them as TLS has one request follow the other. Without TLS it covers the body, too
        (Amazon S3, "Signature Calculations for the Authorization Header": UNSIGNED-PAYLOAD).
        """
        config = Config(
            signature_version="s3v4",
            s3={
                "addressing_style": "path" if self.address.endpoint else "auto",
                "payload_signing_enabled": not self.address.is_encrypted,
            },
            max_pool_connections=CONNECTIONS,
            request_checksum_calculation="when_required",  # see above
            response_checksum_validation="when_required",
            **times,
        )
        where = {"endpoint_url": self.address.endpoint or None, "region_name": self.address.region}
        access_key, secret_key = (each or None for each in credentials)
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        session = get_session()
        session.register_component("data_loader", descriptions())
        client = Session(botocore_session=session).client("s3", config=config, **where, **keys)
        if self.address.endpoint:
            client.meta.events.register("before-parameter-build.s3", _stay)
        return client

    def ask(self, action: str, verb: str, *, quick: bool = False, **values: Any) -> Any:
        """One request about the bucket; `action` says in words what it is for."""
        self._before_waiting()
        with our_errors(action):
            client = self.client(quick=quick)
            return getattr(client, verb)(Bucket=self.address.bucket, **values)

    def look(self, *, quick: bool = False) -> Any:
        """The headers of an answer about the bucket; raises StoreRefused if there is none of that name."""
        try:
            answer = self.ask("show the bucket", "head_bucket", quick=quick)
        except StoreAway as fault:
            if 0 < _said(fault).status < 500:
                self._ask_why(quick=quick)
            raise
        return answer["ResponseMetadata"]["HTTPHeaders"]

    def _ask_why(self, *, quick: bool) -> None:
        """Raises what the store says of its refusal, as the answer to a HEAD has no body for that."""
        try:
            self.ask("show the bucket", "list_objects_v2", quick=quick, Prefix=self.address.prefix, MaxKeys=1)
        except StoreRefused as fault:
            if _said(fault).code == NO_BUCKET:
                raise StoreRefused(f"there is no bucket {self.address.bucket}") from None
            raise

    def put(self, key: str, body: Any, *, size: int) -> None:
        """Stores an object. May be repeated: nobody gives a key to other bytes.

        Whatever answers without naming what it has stored (ETag) is not the store.
        """
        answer = self.ask(STORE, "put_object", Key=self._path(key), Body=body, ContentLength=size)
        if not answer.get("ETag"):
            raise StoreAway(f"the store did not say that it did {STORE}")

    def get(self, key: str, start: int, stop: int) -> ObjectStream:
        """The object's bytes [start, stop); raises ObjectMissing, and StoreAway if others come.

        A store that answers with the whole object names no range (RFC 9110, 14.2).
        """
        span = f"{start}-{stop - 1}"
        answer = self.ask(READ, "get_object", Key=self._path(key), Range=f"bytes={span}")
        said = answer.get("ContentRange") or f"bytes 0-{answer.get('ContentLength', 0) - 1}/"
        if not said.startswith(f"bytes {span}/"):
            answer["Body"].close()
            raise StoreAway("the store sent other bytes than it was asked for")
        return ObjectStream(answer["Body"])

    def versions(self, prefix: str = "") -> Iterator[Version]:
        """Every version, and every mark of a deletion, of the objects whose keys begin so."""
        try:
            yield from self._versions("list_object_versions", prefix)
        except StoreAway as fault:
            if _said(fault).code not in UNKNOWN_REQUEST:
                raise
            yield from self._versions("list_objects_v2", prefix)  # this store keeps no versions

    def _versions(self, verb: str, prefix: str) -> Iterator[Version]:
        where = {"Bucket": self.address.bucket, "Prefix": self._path(prefix)}
        self._before_waiting()
        pages = iter(self.client().get_paginator(verb).paginate(**where))
        while True:
            with our_errors("list objects"):
                page = next(pages, None)
                if page is None:
                    return
                listed = [
                    *page.get("Versions", page.get("Contents", [])),
                    *({**mark, "IsLatest": False} for mark in page.get("DeleteMarkers", [])),
                ]
                found = [self._version(each, where["Prefix"]) for each in listed]
            yield from found

    def _version(self, entry: dict[str, Any], asked: str) -> Version:
        """Raises ValueError for an object that was not asked for, as what is listed is erased."""
        key, number, modified = entry["Key"], entry.get("VersionId", ""), entry["LastModified"]
        if not (key.startswith(asked) and isinstance(number, str)):
            raise ValueError
        if modified.tzinfo is None:
            modified = modified.replace(tzinfo=UTC)  # that is what a store's times are in
        return Version(key.removeprefix(self.address.prefix), number, entry.get("IsLatest", True), modified)

    def delete(self, versions: Sequence[Version]) -> None:
        """Deletes these versions and marks, for good. May be repeated.

        Without a number it is the object, which leaves a mark where versions are kept. What is not there is
        deleted: some stores name it as an error.
        """
        objects = [
            {"Key": self._path(each.key), **({"VersionId": each.number} if each.number else {})}
            for each in versions
        ]
        for at in range(0, len(objects), MOST_DELETED):
            some = {"Objects": objects[at : at + MOST_DELETED], "Quiet": True}
            for error in self.ask(DELETE, "delete_objects", Delete=some).get("Errors", []):
                if (code := str(error.get("Code"))) not in (MISSING, NO_VERSION):
                    raise _kind(DELETE, code)(f"the store did not {DELETE}: {code}")

    def _path(self, key: str) -> str:
        return f"{self.address.prefix}{key}"


def _stay(context: dict[str, Any], **_: Any) -> None:
    """Keeps botocore from asking for the region of a bucket when it is redirected.

    Only Amazon answers that. Another redirects that, too, and is asked again until Python's stack is full.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


class Said(NamedTuple):
    """Why the store did not do it, in its own words; empty and 0 if it did not answer."""

    code: str = ""
    status: int = 0


def _said(fault: BaseException) -> Said:
    """Of a ClientError, or of what was raised because of one."""
    fault = fault.__cause__ if isinstance(fault, StoreAway) and fault.__cause__ else fault
    if not isinstance(fault, ClientError):
        return Said()
    answer = fault.response
    return Said(
        str(answer.get("Error", {}).get("Code", "")),
        int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)),
    )
