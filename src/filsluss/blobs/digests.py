"""The digests of a blob, taken while its bytes are read."""

import hashlib
import zlib
from io import BufferedReader

from filsluss.blobs.protocol import Bytes, Digests

PIECE = 1 << 18


class Digester:
    """Of the bytes that were added, in their order."""

    def __init__(self) -> None:
        self._sha256, self._crc32 = hashlib.sha256(), 0

    def add(self, piece: Bytes) -> None:
        self._sha256.update(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)

    def digests(self) -> Digests:
        return Digests(self._sha256.hexdigest(), self._crc32)


def digests_of(file: BufferedReader) -> Digests:
    """Of all that is left to read of it."""
    digester, buffer = Digester(), memoryview(bytearray(PIECE))
    while count := file.readinto(buffer):
        digester.add(buffer[:count])
    return digester.digests()
