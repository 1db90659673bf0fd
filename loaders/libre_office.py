"""Has LibreOffice convert files that no library here reads, where it is installed.

It runs without a window in a profile of its own: no macros, no links followed, no network, within
limits of time, memory and disk, and is killed with all that it has started. Leaves out what is
converted into what: that is `converted`, `pictures` and `slide_pictures`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits

PROGRAMS = ("soffice", "libreoffice")
ELSEWHERE = (
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    "/usr/lib/libreoffice/program/soffice",
)
HOW_TO_INSTALL = (
    "Install LibreOffice so that `soffice` is on the PATH (Debian: apt install libreoffice-nogui; "
    "macOS: brew install --cask libreoffice)"
)
BLOCK = 1024
"""Bytes in which sh counts memory; files it counts in half of that."""
CONFINED = 'ulimit -v "$1"; ulimit -f "$2"; shift 2; exec "$@"'
"""For sh: the limits hold for all processes that come of it."""
ADDRESS_SPACE_SHARE = 2
"""What is reserved, for what may be resident: LibreOffice maps far more than it uses."""
OFFLINE = ("unshare", "--net", "--map-root-user")
"""A process without any network, where the system allows one to be made."""
ARGUMENTS = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard")
SETTINGS = (
    # Beside these, nothing is trusted: a new profile knows no trusted folders and authors.
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Office.Writer/Content/Update", "Link", "0"),
    ("Office.Calc/Content/Update", "Link", "2"),
    # The port of the service "discard": what would ask for a page gets nothing.
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
)
ITEM = (
    '<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
    "<value>{value}</value></prop></item>"
)
PROFILE = (
    '<?xml version="1.0" encoding="UTF-8"?><oor:items '
    'xmlns:oor="http://openoffice.org/2001/registry">{items}</oor:items>'
)


def program() -> str | None:
    """Where LibreOffice is; None where it is not installed."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return found or next((path for path in ELSEWHERE if Path(path).is_file()), None)


@contextmanager
def converted(
    path: Path, name: str, suffix: str, to: str, limits: Limits, *, reader: str | None = None
) -> Iterator[Path]:
    """The file in another format, as long as this is held open.

    name: for errors. suffix: of the format that it has, ".doc". to: of the other, as LibreOffice
    takes it: "docx", perhaps with a filter. reader: the filter that it reads with; without one it
    shows the bytes of a file that it does not know as text. LibreOffice must be there. Raises
    BrokenDocument if it cannot read the file, LimitExceeded if that takes too long.
    """
    with TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True) as folder:
        source = Path(folder) / f"source{suffix}"  # the file's own name is its sender's choice
        source.symlink_to(path.resolve()) if os.name == "posix" else shutil.copy(path, source)
        results = Path(folder) / "results"
        profile = Path(folder) / "profile"
        _write_profile(profile)
        command = [
            *_confinement(limits),
            program() or PROGRAMS[0],
            f"-env:UserInstallation={profile.as_uri()}",
            *ARGUMENTS,
            *([f"--infilter={reader}"] if reader else []),
            *("--convert-to", to, "--outdir", str(results), str(source)),
        ]
        if not _has_ended(command, Path(folder), limits.conversion_s):
            raise LimitExceeded(
                f"{name} was given up: LibreOffice converts it for longer than "
                f"{limits.conversion_s:,.0f} s. Save it in a newer format and add that, or raise "
                "the setting conversion_s."
            )
        found = sorted(results.glob("source*")) if results.is_dir() else []
        if not found or not found[0].stat().st_size:
            raise BrokenDocument(
                f"{name} cannot be read by LibreOffice. It may be damaged or need a password: "
                "open it in its own program and save it anew."
            )
        yield found[0]


def _write_profile(folder: Path) -> None:
    items = (ITEM.format(path=path, name=name, value=value) for path, name, value in SETTINGS)
    (folder / "user").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(
        PROFILE.format(items="".join(items)), "utf-8"
    )


def _confinement(limits: Limits) -> list[str]:
    """What a command is begun with, so that it keeps to the limits and has no network."""
    if os.name != "posix":
        return []
    memory = ADDRESS_SPACE_SHARE * limits.max_memory // BLOCK
    disk = 2 * limits.max_bytes // BLOCK
    return [*_offline(), "sh", "-c", CONFINED, "sh", str(memory), str(disk)]


@cache
def _offline() -> tuple[str, ...]:
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([*OFFLINE, "true"], capture_output=True, timeout=10, check=True)  # noqa: S603 - no input of others
        return OFFLINE
    return ()


def _has_ended(command: list[str], folder: Path, timeout_s: float) -> bool:
    """Run a command in the folder; whether it ended in time. It leaves no process behind."""
    known = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
    process = subprocess.Popen(  # noqa: S603 - no part of it is of the file's choice
        command,
        cwd=folder,
        env=known | {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A group of its own, to be killed as a whole, in the session of the worker that reads.
        process_group=0,
    )
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
    return True
