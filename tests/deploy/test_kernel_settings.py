"""deploy/sysctl.conf says of a proxy's connections what Filsluss says of its own, and the kernel knows it."""

from pathlib import Path

from filsluss.streams.sockets import UNSENT_MAX

FILE = Path(__file__).parents[2] / "deploy" / "sysctl.conf"


def test_the_shipped_setting_is_one_that_the_kernel_has_and_the_same_as_ours():
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    settings = dict(line.split(" = ") for line in lines)
    assert settings == {"net.ipv4.tcp_notsent_lowat": str(UNSENT_MAX)}
    assert all(Path("/proc/sys", name.replace(".", "/")).exists() for name in settings)
