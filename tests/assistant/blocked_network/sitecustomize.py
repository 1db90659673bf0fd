"""On the path of a process, lets it reach loopback only and writes down what else it tried."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo


def _refuse(what: object) -> None:
    with Path(os.environ["BLOCKED_LOG"]).open("a") as log:
        log.write(f"{what}\n")
    raise OSError(f"the network is blocked: {what}")


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return host in ("localhost", None, "")


def connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        _refuse(address)
    _connect(self, address)


def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    if not _is_loopback(host):
        _refuse(host)
    return _getaddrinfo(host, *arguments, **options)


socket.socket.connect = connect  # type: ignore[method-assign, assignment]
socket.getaddrinfo = getaddrinfo
