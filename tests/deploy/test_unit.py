"""The systemd units: what they leave exposed, and filsluss.service in a machine that a test boots."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
TIMERS = sorted((ROOT / "deploy").glob("*.timer"))
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
ExecStopPost=/bin/sh -c 'journalctl -b -u "filsluss*" -o cat --no-pager >> /probe.log'
ExecStopPost=systemctl --no-block poweroff
StandardOutput=append:/probe.log
StandardError=append:/probe.log
"""
COMMON = """
import os, subprocess, time, urllib.request

def ctl(*words):
    return subprocess.run(["systemctl", *words], capture_output=True, text=True).stdout.strip()

def shown(name, unit="filsluss"):
    return ctl("show", "-P", name, unit)

def answers(port=8000):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30).read() == b"ok\\n"
    except OSError:
        return False

def wait(holds, seconds=150):
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
ctl("stop", "filsluss")
print("stopped", shown("ActiveState"), shown("Result"), answers())  # it was not killed: the result is success
asked = subprocess.run(["/opt/filsluss/bin/filsluss", "list"], capture_output=True, text=True)
said = [line for line in asked.stderr.splitlines() if not line.startswith("at=")]
print("list", asked.returncode, *said)
owners = {os.stat(f"/var/lib/filsluss/{name}").st_uid for name in os.listdir("/var/lib/filsluss")}
print("owners", owners == {folder.st_uid})
began = subprocess.run(["systemctl", "start", "filsluss-backup"]).returncode
kept = os.listdir("/var/lib/filsluss-backup")
whole = [os.path.exists(f"/var/lib/filsluss-backup/{name}/manifest.json") for name in kept]
print("backup", began, shown("Result", "filsluss-backup"), whole == [True])
timer = "filsluss-backup.timer"
ctl("enable", "--now", timer)
print("timer", shown("ActiveState", timer), shown("NextElapseUSecRealtime", timer) != "")
parts = ["filsluss-web@8001", "filsluss-worker@1"]
assert subprocess.run(["systemctl", "start", *parts]).returncode == 0
print("parts", *(shown("ActiveState", part) for part in parts), answers(8001), answers(8000))
killed = [int(shown("MainPID", part)) for part in parts]
[os.kill(pid, 9) for pid in killed]
for part, pid in zip(parts, killed):
    wait(lambda: shown("MainPID", part) not in ("0", str(pid)) and shown("ActiveState", part) == "active")
print("parts killed", *(shown("NRestarts", part) for part in parts))
ctl("stop", *parts)
print("parts stopped", *(shown("Result", part) for part in parts))
"""
SECOND = """
wait(lambda: shown("ActiveState") == "active" and answers())
print("after the boot", shown("ActiveState"), flush=True)
"""
FOLLOWED = """
pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
ran = subprocess.run(["bash", "-e", "/lines"], cwd="/srv/filsluss", env={**os.environ, **pip})
wait(answers)
print("followed", ran.returncode, shown("ActiveState"), shown("UnitFileState"), answers())
"""
SAID = """\
started active True
folder 0o700 False
killed 1
stopped inactive success False
list 0
owners True
backup 0 success True
timer active True
parts active active True False
parts killed 1 1
parts stopped success success
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
    units = [*UNITS, *TIMERS]
    ran = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    said = [line for line in ran.stderr.splitlines() if "is not executable" not in line]
    assert [line for line in said if "filsluss" in line] == []


def machine(folder: Path) -> Path:
    """The root of a machine: this one's files under a layer of its own."""
    top = folder / "layer"
    root = folder / "root"
    for each in (top / "upper", top / "work", root):
        each.mkdir(parents=True)
    layers = f"lowerdir=/,upperdir={top}/upper,workdir={top}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, root], check=True)
    for wanted in (root / "etc/systemd/system").glob("*.wants"):
        shutil.rmtree(wanted)
    (root / "etc/machine-id").write_text("f" * 32 + "\n")
    put(root, {"etc/systemd/system/probe.service": (PROBE_UNIT, 0o644)})
    return root


def put(root: Path, files: dict[str, tuple[str, int]]) -> None:
    """Writes these files, each with its text and mode, below the root."""
    for name, (text, mode) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)


def install(root: Path) -> None:
    """The user, the settings, the units that are shipped, and a program that runs the source."""
    user = ("--system", "--home-dir", "/var/lib/filsluss", "--no-create-home", "filsluss")
    subprocess.run(["useradd", "--root", root, *user], check=True)
    files = {
        "etc/filsluss/filsluss.env": (SETTINGS, 0o600),
        "opt/filsluss/bin/filsluss": (PROGRAM, 0o755),
        **{f"etc/systemd/system/{unit.name}": (unit.read_text(), 0o644) for unit in (*UNITS, *TIMERS)},
    }
    put(root, files)


def follow_operations(root: Path) -> str:
    """Puts the source and the lines of operations.md there; the script that runs them."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "deploy"):
        shutil.copytree(ROOT / name, root / "srv/filsluss" / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, root / "srv/filsluss")
    page = (ROOT / "docs/operations.md").read_text().partition("\n## What it needs\n")[2]
    lines = re.findall("^ {4}(.*)", page.partition("\n## ")[0], re.MULTILINE)
    (written,) = [number for number, line in enumerate(lines) if "write the settings" in line]
    lines.insert(written + 1, "cat /settings > /etc/filsluss/filsluss.env")
    put(root, {"settings": (SETTINGS, 0o600), "lines": ("\n".join(lines), 0o644)})
    return FOLLOWED


def own_program() -> dict[object, str]:
    """What a machine sees of this source and of the Python that runs this, and where."""
    folder = "opt/filsluss"
    return {
        ROOT / "src": f"{folder}/src",
        ROOT / "pyproject.toml": f"{folder}/pyproject.toml",
        sys.base_prefix: f"{folder}/python",
        sysconfig.get_path("purelib"): f"{folder}/packages",
    }


def boot(root: Path, script: str, binds: dict[object, str]) -> None:
    """Boots it, runs the script there, and returns when it has powered off."""
    (root / "probe.py").write_text(COMMON + script)
    target = root / "etc/systemd/system/multi-user.target.wants"
    target.mkdir(exist_ok=True)
    (target / "probe.service").unlink(missing_ok=True)
    (target / "probe.service").symlink_to("/etc/systemd/system/probe.service")
    subprocess.run(
        [
            "systemd-nspawn",
            *("-D", root, "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"),
            *("-M", f"filsluss-{os.getpid()}", "--link-journal=no"),
            *(f"--bind-ro={here}:/{there}" for here, there in binds.items()),
            "systemd.unit=multi-user.target",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=400,
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


def said_by(folder: Path, *steps: str) -> list[str]:
    """What a machine's probe wrote; `steps` boot the machine `root`, and all is gone afterwards."""
    if why := why_not():
        pytest.skip(why)
    # The layer lies in a file system of its own, which goes with the mount namespace of this child.
    lines = (
        "import subprocess, sys",
        "from pathlib import Path",
        f"sys.path[:0] = [{str(ROOT)!r}]",
        "from tests.deploy.test_unit import *",
        f"subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', {str(folder)!r}], check=True)",
        f"root = machine(Path({str(folder)!r}))",
        *steps,
        "print((root / 'probe.log').read_text() if (root / 'probe.log').exists() else '')",
    )
    words = ["unshare", "-m", sys.executable, "-c", "\n".join(lines)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    return [line.partition(" [")[0].strip() for line in (ran.stdout + ran.stderr).splitlines()]


@pytest.mark.timeout(900)
def test_under_systemd_it_starts_survives_a_kill_stops_and_is_there_after_a_reboot(tmp_path):
    boots = [f"boot(root, {script}, own_program())" for script in ("FIRST", "SECOND")]
    said = said_by(tmp_path, "install(root)", *boots)
    assert [line for line in said if line in SAID.splitlines()] == SAID.splitlines(), "\n".join(said)


@pytest.mark.timeout(900)
def test_the_lines_of_operations_lead_to_a_running_service(tmp_path, wheels):
    said = said_by(tmp_path, f"boot(root, follow_operations(root), {{{str(wheels)!r}: 'wheels'}})")
    assert "followed 0 active enabled True" in said, "\n".join(said)
