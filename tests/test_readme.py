"""The lines of README, run as they are written: on a fresh folder, on a machine without a network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSIDE = """
import fcntl, os, signal, socket, struct, subprocess, sys, time, urllib.request
sys.path[:0] = [sys.argv[1]]
from tests.parts.mail_server import MailServer

def mount(*words):
    subprocess.run(["mount", *words], check=True)

layer = sys.argv[2]
mount("-t", "tmpfs", "tmpfs", "/opt")
mount("-t", "tmpfs", "tmpfs", layer)
os.mkdir(layer + "/upper"), os.mkdir(layer + "/work")
mount("-t", "overlay", "overlay", "-o", f"lowerdir=/etc,upperdir={layer}/upper,workdir={layer}/work", "/etc")
with socket.socket() as any_socket:  # the loopback of a new network namespace is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))
MailServer(port=25).start()
os.makedirs("/etc/filsluss")
with open("/etc/filsluss/filsluss.env", "w") as file:
    file.write(sys.argv[3])
running = subprocess.Popen(["bash", "-e", "-c", sys.argv[4]], start_new_session=True, stderr=1)
for _ in range(600):
    try:
        said = urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=5).read()
        print("answered", said, flush=True)
        break
    except OSError:
        if running.poll() is not None:
            break
    time.sleep(0.2)
if running.poll() is None:
    os.killpg(running.pid, signal.SIGTERM)
print("status", running.wait(20), flush=True)
os._exit(0)
"""


TRY_INSIDE = """
import fcntl, os, re, signal, socket, struct, subprocess, sys, urllib.request

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))
running = subprocess.Popen(
    ["bash", "-e", "-c", sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE, text=True
)
for line in running.stdout:
    print(line, end="", flush=True)
    if address := re.search(r"http://\\S+", line):
        for page in ("/", "/demo/mail"):
            print(page, urllib.request.urlopen(address[0].rstrip("/") + page, timeout=30).status, flush=True)
        break
os.killpg(running.pid, signal.SIGINT)
print("status", running.wait(20), flush=True)
"""


def blocks(heading: str) -> list[str]:
    """The indented blocks below the heading."""
    section = (ROOT / "README.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)
    return [re.sub("^ {4}", "", block, flags=re.MULTILINE) for block in found]


def run_inside(code: str, words: list[object], folder: Path, fresh: Path, wheels: Path) -> str:
    """What the code says that runs the lines of a block in a fresh folder, without a network."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root makes a machine without a network")
    shutil.copytree(
        ROOT / "src", fresh / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "laid_out*")
    )
    shutil.copytree(ROOT / "bin", fresh / "bin")
    for name in (
        "pyproject.toml",
        "setup.py",
        "README.md",
        "LICENSE",
        "requirements.txt",
        "requirements-build.txt",
    ):
        shutil.copy(ROOT / name, fresh)
    (folder / "inside.py").write_text(code)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("FILSLUSS_", "PYTHON"))}
    env |= {
        "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    env.pop("VIRTUAL_ENV", None)
    ran = subprocess.run(
        ["unshare", "-mn", sys.executable, folder / "inside.py", *words],
        cwd=fresh,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "mount: " in ran.stderr or "unshare: " in ran.stderr:
        pytest.skip(f"nothing can be mounted here: {ran.stderr[-200:]}")
    return ran.stdout + ran.stderr


@pytest.mark.timeout(400)
def test_the_lines_that_run_it_do_so_on_a_fresh_folder(tmp_path, wheels):
    fresh, layer = tmp_path / "fresh", tmp_path / "layer"
    layer.mkdir()
    settings, commands = blocks("Run it")
    said = run_inside(INSIDE, [ROOT, layer, settings, commands], tmp_path, fresh, wheels)
    assert "answered b'ok\\n'" in said, said
    assert not re.search(r"^WRONG|Traceback", said, re.MULTILINE), said
    assert "event=open version=" in said
    assert (fresh / "data" / "filsluss.sqlite3").exists()


@pytest.mark.timeout(400)
def test_the_line_that_tries_it_does_so_on_a_fresh_folder(tmp_path, wheels):
    demo, test = blocks("Try it")
    said = run_inside(TRY_INSIDE, [demo], tmp_path, tmp_path / "fresh", wheels)
    assert re.search(r"^/ 200\n/demo/mail 200\nstatus (0|130|-2)$", said, re.MULTILINE), said
    assert "Traceback" not in said
    assert (ROOT / test.strip()).stat().st_mode & 0o111  # the checks, of which this is one
