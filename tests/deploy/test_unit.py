"""The systemd units: what they leave exposed, and filsluss.service in a machine that a test boots."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
SETTINGS = """\
# as README names them
FILSLUSS_BASE_URL=http://127.0.0.1:8000
FILSLUSS_ORGANISATION="Region Exempel"
FILSLUSS_INSIDE_DOMAINS=region.example
FILSLUSS_SMTP_URL=smtp://localhost:25
FILSLUSS_MAIL_FROM=filsluss@fts.example.se
"""
PROGRAM = """\
#!/bin/sh
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/filsluss/src:/opt/filsluss/packages
export LD_LIBRARY_PATH=/opt/filsluss/python/lib
exec /opt/filsluss/python/bin/python3 -m filsluss "$@"
"""
PROBE_UNIT = """\
[Unit]
After=filsluss.service basic.target
Requires=basic.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /probe.py
ExecStopPost=/bin/sh -c 'journalctl -b -u filsluss -o cat --no-pager >> /probe.log'
ExecStopPost=systemctl --no-block poweroff
StandardOutput=append:/probe.log
StandardError=append:/probe.log
"""
COMMON = """
import os, subprocess, time, urllib.request

def ctl(*words):
    return subprocess.run(["systemctl", *words], capture_output=True, text=True).stdout.strip()

def shown(name):
    return ctl("show", "-P", name, "filsluss")

def answers():
    try:
        return urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=5).read() == b"ok\\n"
    except OSError:
        return False

def wait(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.2)
"""
FIRST = """
assert subprocess.run(["systemctl", "enable", "--now", "filsluss"]).returncode == 0
print("started", shown("ActiveState"), answers(), flush=True)
folder = os.stat("/var/lib/filsluss")
print("folder", oct(folder.st_mode & 0o777), folder.st_uid == 0, sorted(os.listdir("/var/lib/filsluss")))
killed = shown("MainPID")
os.kill(int(killed), 9)
wait(lambda: shown("MainPID") not in ("0", killed) and shown("ActiveState") == "active" and answers())
print("killed", shown("NRestarts"))
began = time.monotonic()
ctl("stop", "filsluss")
print("stopped", shown("ActiveState"), shown("Result"), time.monotonic() - began < 15, answers())
asked = subprocess.run(["/opt/filsluss/bin/filsluss", "list"], capture_output=True, text=True)
said = [line for line in asked.stderr.splitlines() if not line.startswith("at=")]
print("list", asked.returncode, *said)
owners = {os.stat(f"/var/lib/filsluss/{name}").st_uid for name in os.listdir("/var/lib/filsluss")}
print("owners", owners == {folder.st_uid})
"""
SECOND = """
wait(lambda: shown("ActiveState") == "active" and answers())
print("after the boot", shown("ActiveState"), flush=True)
"""
SAID = """\
started active True
folder 0o700 False
killed 1
stopped inactive success True False
list 0
owners True
after the boot active
"""


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_a_unit_leaves_little_exposed(unit):
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", ran.stdout)
    assert found, ran.stdout + ran.stderr
    assert float(found[1]) <= 1.5


def test_every_word_of_a_unit_is_one_that_systemd_knows():
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not here")
    ran = subprocess.run(["systemd-analyze", "verify", *UNITS], capture_output=True, text=True, check=False)
    said = [line for line in ran.stderr.splitlines() if "is not executable" not in line]
    assert [line for line in said if "filsluss" in line] == []


def machine(folder: Path) -> Path:
    """The root of a machine: this one's files under a layer of its own, with the unit as it is shipped."""
    top = folder / "layer"
    root = folder / "root"
    for each in (top / "upper", top / "work", root):
        each.mkdir(parents=True)
    layers = f"lowerdir=/,upperdir={top}/upper,workdir={top}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, root], check=True)
    for wanted in (root / "etc/systemd/system").glob("*.wants"):
        shutil.rmtree(wanted)
    (root / "etc/machine-id").write_text("f" * 32 + "\n")
    user = ("--system", "--home-dir", "/var/lib/filsluss", "--no-create-home", "filsluss")
    subprocess.run(["useradd", "--root", root, *user], check=True)
    files = {
        "etc/filsluss/filsluss.env": (SETTINGS, 0o600),
        "opt/filsluss/bin/filsluss": (PROGRAM, 0o755),
        "etc/systemd/system/filsluss.service": ((ROOT / "deploy/filsluss.service").read_text(), 0o644),
        "etc/systemd/system/probe.service": (PROBE_UNIT, 0o644),
    }
    for name, (text, mode) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    return root


def boot(root: Path, script: str) -> None:
    """Boots it, runs the script there, and returns when it has powered off."""
    (root / "probe.py").write_text(COMMON + script)
    target = root / "etc/systemd/system/multi-user.target.wants"
    target.mkdir(exist_ok=True)
    (target / "probe.service").unlink(missing_ok=True)
    (target / "probe.service").symlink_to("/etc/systemd/system/probe.service")
    binds = {
        ROOT / "src": "src",
        ROOT / "pyproject.toml": "pyproject.toml",
        sys.base_prefix: "python",
        sysconfig.get_path("purelib"): "packages",
    }
    subprocess.run(
        [
            "systemd-nspawn",
            *("-D", root, "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"),
            *("-M", f"filsluss-{os.getpid()}", "--link-journal=no"),
            *(f"--bind-ro={here}:/opt/filsluss/{there}" for here, there in binds.items()),
            "systemd.unit=multi-user.target",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


def why_not() -> str:
    """Why systemd cannot be booted here; empty if it can."""
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not here (apt-get install systemd-container)"
    if os.geteuid() != 0:
        return "only root boots a container"
    words = ["unshare", "-m", "sh", "-c", 'd=$(mktemp -d) && mount -t tmpfs tmpfs "$d"']
    return "" if subprocess.run(words, check=False).returncode == 0 else "nothing can be mounted here"


@pytest.mark.timeout(400)
def test_under_systemd_it_starts_survives_a_kill_stops_and_is_there_after_a_reboot(tmp_path):
    if why := why_not():
        pytest.skip(why)
    # The layer lies in a file system of its own, which goes with the mount namespace of this child.
    code = textwrap.dedent(f"""
        import subprocess, sys
        from pathlib import Path
        sys.path[:0] = [{str(ROOT)!r}]
        from tests.deploy.test_unit import FIRST, SECOND, boot, machine
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", {str(tmp_path)!r}], check=True)
        root = machine(Path({str(tmp_path)!r}))
        boot(root, FIRST)
        boot(root, SECOND)
        print((root / "probe.log").read_text() if (root / "probe.log").exists() else "")
    """)
    ran = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    said = [line.partition(" [")[0].strip() for line in ran.stdout.splitlines()]
    assert [line for line in said if line in SAID.splitlines()] == SAID.splitlines(), ran.stdout + ran.stderr
