"""On the path of a process, lets it reach loopback only and writes down what else it tried."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_sendto = socket.socket.sendto
_sendmsg = socket.socket.sendmsg
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


def _check(used: socket.socket, address: Any) -> None:
    if used.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        _refuse(address)


def connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    _connect(self, address)


def connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def sendto(self: socket.socket, data: Any, *flags_and_address: Any) -> int:
    _check(self, flags_and_address[-1])
    return _sendto(self, data, *flags_and_address)


def sendmsg(
    self: socket.socket, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None
) -> int:
    if address is not None:
        _check(self, address)
    return _sendmsg(self, buffers, ancdata, flags, address)


def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    if not _is_loopback(host):
        _refuse(host)
    return _getaddrinfo(host, *arguments, **options)


socket.socket.connect = connect  # type: ignore[method-assign, assignment]
socket.socket.connect_ex = connect_ex  # type: ignore[method-assign, assignment]
socket.socket.sendto = sendto  # type: ignore[method-assign, assignment]
socket.socket.sendmsg = sendmsg  # type: ignore[method-assign, assignment]
socket.getaddrinfo = getaddrinfo
