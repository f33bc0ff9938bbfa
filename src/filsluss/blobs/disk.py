"""Blobs as files on a local disk: what is acknowledged is on it, what is erased stays erased."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filsluss.blobs.digests import digests_of
from filsluss.blobs.protocol import (
    NAME,
    NO_EPOCH,
    Allowance,
    BlobDamaged,
    BlobMissing,
    Bytes,
    Digests,
    Lease,
    StoreFull,
    require_name,
)

FULL = {errno.ENOSPC, errno.EDQUOT}


def sync_folder(path: str | Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class DiskWriter:
    """Writes at its own offset; O_APPEND would append a late write of an older writer after ours."""

    def __init__(self, fd: int, *, offset: int | None = None) -> None:
        self._fd = fd
        self.offset = os.fstat(fd).st_size if offset is None else offset
        self.allowance: Allowance | None = None

    def allowed(self) -> int:
        return self.allowance.allowed(self.offset) if self.allowance else sys.maxsize

    @property
    def position(self) -> int:
        return self.offset

    def write(self, data: Bytes) -> None:
        view = memoryview(data)
        while view:
            now = view[: self.allowed()]
            with raising_store_full():
                count = os.pwrite(self._fd, now, self.offset)
            self.moved(count)
            view = view[count:]

    def fileno(self) -> int:
        return self._fd

    def moved(self, count: int) -> None:
        self.offset += count

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        self.offset = size

    def sync(self, *, keep: int = 0) -> None:
        """After a failure the kernel forgets which pages it could not write (fsync(2), "EIO")."""
        try:
            os.fdatasync(self._fd)
        except OSError as fault:
            with contextlib.suppress(OSError):
                self.truncate(min(keep, self.offset))
            if fault.errno in FULL:
                raise StoreFull from fault
            raise BlobDamaged from fault


@contextlib.contextmanager
def raising_store_full() -> Iterator[None]:
    """Turns the errno of a full disk or quota into StoreFull."""
    try:
        yield
    except OSError as fault:
        if fault.errno in FULL:
            raise StoreFull from fault
        raise


class DiskStore:
    """One folder per first character of the name; a blob is never renamed."""

    is_shared = False

    def __init__(self, root: Path) -> None:
        self.root, self._folder = root, os.fspath(root)
        self._prepared: set[str] = set()
        self._shares: dict[Path, bool] = {}

    def path(self, name: str) -> Path:
        """Where the blob of that name lies, if there is one; raises BlobMissing for what is no name."""
        return Path(self.file_of(name))

    def file_of(self, name: str) -> str:
        """The same as text: making `Path`s of it would cost a small file more than a system call."""
        return f"{self._folder_of(name)}/{name}"

    def _folder_of(self, name: str) -> str:
        require_name(name)
        return f"{self._folder}/{name[:1]}.d"

    def below(self, name: str) -> str:
        """The blob's path relative to `root`, for a web server that serves that folder (X-Accel-Redirect)."""
        return str(self.path(name).relative_to(self.root))

    def create(self, name: str) -> None:
        folder = self._folder_of(name)
        with raising_store_full():
            os.close(self._open_new(folder, name))
            sync_folder(folder)

    def put(self, name: str, data: Bytes) -> None:
        folder = self._folder_of(name)
        with raising_store_full():
            fd = self._open_new(folder, name)
            try:
                writer = DiskWriter(fd, offset=0)
                writer.write(data)
                writer.sync()
                sync_folder(folder)
            except BaseException:
                os.unlink(f"{folder}/{name}")
                raise
            finally:
                os.close(fd)

    def _open_new(self, folder: str, name: str) -> int:
        if folder not in self._prepared:
            self._prepare_folder(Path(folder))
            self._prepared.add(folder)
        return os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def _prepare_folder(self, folder: Path) -> None:
        """Syncs even if the folder exists: the process that made it may have crashed before its own sync."""
        self._make_root()
        folder.mkdir(exist_ok=True, mode=0o700)
        try:
            sync_folder(self.root)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()  # the next try makes it anew: syncing what is there already proves nothing now
            raise

    def _make_root(self) -> None:
        if not self.root.exists():
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self.root.parent)

    @contextlib.contextmanager
    def writer(self, name: str, lease: Lease = NO_EPOCH) -> Iterator[DiskWriter]:
        """A lock of the kernel ends with its process, so that a lease without a number is all it needs."""
        if lease.file is not None and lease.file.name == name:
            yield DiskWriter(lease.file.fd, offset=lease.file.size)
            return
        fd = self._open(name, os.O_RDWR)
        try:
            yield DiskWriter(fd)
        finally:
            os.close(fd)

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(self.file_of(name), flags)
        except FileNotFoundError:
            raise BlobMissing(name) from None

    def size(self, name: str) -> int:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            raise BlobMissing(name) from None

    def exists(self, name: str) -> bool:
        try:
            return self.path(name).exists()
        except BlobMissing:
            return False

    def open(self, name: str) -> io.BufferedReader:
        return open(self._open(name, os.O_RDONLY), "rb")

    def digests(self, name: str) -> Digests:
        with self.open(name) as file:
            return digests_of(file)

    def erase(self, name: str) -> None:
        """Whatever is missing is made and removed again: an earlier removal may have failed to last."""
        path = self.path(name)
        if not path.parent.exists():
            return
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, 0)  # a download that has the file open, in a proxy too, gets no more bytes
            path.unlink()
        finally:
            os.close(fd)
        sync_folder(path.parent)

    def discard(self, name: str) -> None:
        self.erase(name)

    def names(self) -> Iterator[tuple[str, datetime]]:
        for folder in self.root.glob("*.d"):
            for entry in filter(lambda entry: NAME.fullmatch(entry.name), os.scandir(folder)):
                with contextlib.suppress(FileNotFoundError):
                    yield entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC)

    def strays(self, before: datetime) -> Iterator[str]:  # noqa: ARG002
        return iter(())  # what lies in the folder is a blob

    def erase_stray(self, stray: str) -> None:
        """There is none."""

    def answers(self) -> bool:
        """Looks at the folder, or while it does not exist yet, at the one that it will be created in."""
        folder = self.root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return os.access(folder, os.W_OK | os.X_OK)

    def space(self) -> tuple[int, int]:
        try:
            fs = os.statvfs(self._folder)
        except FileNotFoundError:
            self._make_root()
            fs = os.statvfs(self._folder)
        return fs.f_bavail * fs.f_frsize, fs.f_blocks * fs.f_frsize

    def shares_disk_with(self, path: Path) -> bool:
        """Asked once: nobody mounts another disk below a running service."""
        if path not in self._shares:
            self._shares[path] = self.root.stat().st_dev == path.stat().st_dev
        return self._shares[path]
