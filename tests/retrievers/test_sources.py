"""Which sources a glob means."""

import pytest

from retrievers.sources import matching

REPORT = "file:///home/ann/My%20Report%20%5Bfinal%5D.PDF"
CAFE = "file:///home/ann/caf%C3%A9.docx"
PAGE = "https://example.org/2023/prices.html?lang=en"
SOURCES = [REPORT, CAFE, PAGE]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*", SOURCES),
        ("*.pdf", [REPORT]),
        ("my report [final].pdf", [REPORT]),
        ("My Report*", [REPORT]),
        ("my?report*", [REPORT]),
        ("report", []),
        ("*report*", [REPORT]),
        (REPORT, [REPORT]),
        ("file:///home/ann/*", [REPORT, CAFE]),
        ("café.docx", [CAFE]),
        ("cafe\u0301.docx", [CAFE]),
        ("CAFÉ.*", [CAFE]),
        ("prices.html", [PAGE]),
        ("https://*", [PAGE]),
        ("*/2023/*", [PAGE]),
        ("[cp]*", [CAFE, PAGE]),
        ("", []),
        ("no-such-file.pdf", []),
    ],
)
def test_a_glob_means_file_names_or_whole_uris(glob: str, expected: list[str]) -> None:
    assert matching(SOURCES, glob) == expected
