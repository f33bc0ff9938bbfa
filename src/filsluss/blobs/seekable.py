"""Files that are read from any place and that no descriptor stands for."""

import io
import os


class SeekableReader(io.RawIOBase):
    """Who inherits says where it ends, in bytes, and reads at `_at`."""

    _at = 0

    def end(self) -> int:
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.end()}[whence] + offset
        return self._at
