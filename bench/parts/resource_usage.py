"""What a server costs: CPU seconds and memory of all its processes."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.parts.service import process_tree

TICK = os.sysconf("SC_CLK_TCK")
MINOR_FAULTS, USER, SYSTEM = 7, 11, 12


@dataclass(frozen=True)
class ResourceUsage:
    """Over a process and all that descend from it now."""

    pids: tuple[int, ...]

    @classmethod
    def of(cls, pid: int) -> "ResourceUsage":
        return cls(tuple(process_tree(pid)))

    def cpu(self) -> float:
        """User and system seconds so far, those of ended threads included."""
        return (_figures(self.pids, USER) + _figures(self.pids, SYSTEM)) / TICK

    def faults(self) -> int:
        """How many pages of its own memory the kernel has had to give it or to map (minor faults) so far."""
        return _figures(self.pids, MINOR_FAULTS)

    def forget_peak(self) -> None:
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The sum of each process's largest resident set (VmHWM) since `forget_peak`, in MiB."""
        return sum(_status(pid, "VmHWM") for pid in self.pids) / 1024

    def resident(self) -> float:
        """The sum of the resident sets (VmRSS) now, in MiB: what processes share is counted in each."""
        return sum(_status(pid, "VmRSS") for pid in self.pids) / 1024

    def share(self) -> float:
        """The sum of the proportional sets (PSS), in MiB: what processes share is counted once."""
        return sum(_pss(pid) for pid in self.pids) / 1024


def _figures(pids: tuple[int, ...], field: int) -> int:
    """The sum of a field of proc(5), "/proc/pid/stat", counted from the one after the name."""
    return sum(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[field]) for pid in pids)


def _status(pid: int, name: str) -> int:
    return _kib(Path(f"/proc/{pid}/status"), name)


def _pss(pid: int) -> int:
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _kib(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{name}:"))
