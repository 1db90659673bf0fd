"""The blocker of the demo's tests lets nothing out, by whatever call."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKER = Path(__file__).parent / "blocked_network"
TCP = "socket.socket(socket.AF_INET, socket.SOCK_STREAM)"
UDP = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
OUTSIDE = "('192.0.2.1', 9)"
LOOPBACK = "('127.0.0.1', 9)"


def run(call: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import socket; {call}"],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": str(BLOCKER), "BLOCKED_LOG": str(folder / "log")},
        check=False,
    )


@pytest.mark.parametrize(
    "call",
    [
        "{TCP}.connect({to})",
        "{TCP}.settimeout(1); {TCP}.connect_ex({to})",
        "{UDP}.connect({to})",
        "{UDP}.sendto(b'x', {to})",
        "{UDP}.sendto(b'x', 0, {to})",
        "{UDP}.sendmsg([b'x'], [], 0, {to})",
        "socket.create_connection({to}, timeout=1)",
        "socket.getaddrinfo(*{to})",
    ],
)
def test_nothing_leaves_this_machine(call: str, tmp_path: Path) -> None:
    result = run(call.format(TCP=TCP, UDP=UDP, to=OUTSIDE), tmp_path)
    assert "the network is blocked" in result.stderr
    assert "192.0.2.1" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "call",
    ["{TCP}.connect_ex({to})", "{UDP}.sendto(b'x', {to})", "{UDP}.sendmsg([b'x'], [], 0, {to})"],
)
def test_this_machine_itself_can_be_reached(call: str, tmp_path: Path) -> None:
    result = run(call.format(TCP=TCP, UDP=UDP, to=LOOPBACK), tmp_path)
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "log").exists()
