"""Addresses of model servers: read as Ollama reads them, shown without passwords."""

from __future__ import annotations

import pytest

from assistant.addresses import is_loopback, quoted, server_address, without_login
from assistant.errors import SettingsInvalid


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("localhost", "http://localhost:11434"),
        (":5000", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("http://[::]:5000", "http://[::1]:5000"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
        ("gpu.lan:5000/", "http://gpu.lan:5000"),
        ("http://gpu.lan", "http://gpu.lan"),
        ("https://gpu.lan:443/ollama/", "https://gpu.lan/ollama"),
        ("http://ann:secret@gpu.lan:5000", "http://ann:secret@gpu.lan:5000"),
        (" http://gpu.lan:5000 ", "http://gpu.lan:5000"),
    ],
)
def test_address_is_read_as_ollama_reads_it(written: str, meant: str) -> None:
    assert server_address(written, port=11434) == meant


@pytest.mark.parametrize("written", ["http://gpu:port", "ftp://gpu", "http://[::1", "file:///tmp"])
def test_address_that_is_none_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        server_address(written, port=11434)
    assert str(raised.value) == (
        f"{written!r} is not the address of a server. Write it like http://localhost:11434."
    )


def test_shown_address_holds_no_password() -> None:
    assert without_login("http://ann:secret@gpu.lan:5000/v1") == "http://gpu.lan:5000/v1"


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.9:1", True),
        ("http://[::1]:1", True),
        ("http://192.168.1.5:1", False),
        ("http://localhost.example.com", False),
    ],
)
def test_loopback_is_this_computer_only(address: str, is_here: bool) -> None:
    assert is_loopback(address) is is_here


def test_words_of_a_server_are_quoted_on_one_short_line() -> None:
    assert quoted("  out of\n memory.\n") == "out of memory"
    assert len(quoted("word " * 1000)) <= 300
