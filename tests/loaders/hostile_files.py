"""Makes files that are meant to do harm: bombs, giants, deep nests, names and links that lead out.

HOSTILE is name → what is to come of the file, and what makes its content, of the address of a file
with SECRET in it. Leaves out PDFs, which are in `hostile_pdfs`.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import docx
import numpy as np
import pptx
import xlsxwriter

from tests.loaders.reading import picture
from tests.loaders.recordings import scene, write

SECRET = "the-keeper-has-a-wife"
"""Stands in the files that the hostile ones try to reach, and in no other."""
DEEP = 100_000
WORDS = "The quay was built in 1871."
UNPACKED = 40 << 20
SVG = "http://www.w3.org/2000/svg"
ODF = "urn:oasis:names:tc:opendocument:xmlns"
EPUB_HEAD = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": "<container><rootfiles><rootfile full-path='a.opf'/></rootfiles>"
    "</container>",
    "a.opf": "<package><metadata><title>Quay</title></metadata><manifest>"
    "<item id='p' href='p.xhtml' media-type='application/xhtml+xml'/></manifest>"
    "<spine><itemref idref='p'/></spine></package>",
    "p.xhtml": f"<html><body><p>{WORDS}</p></body></html>",
}
ODT_HEAD = {
    "mimetype": "application/vnd.oasis.opendocument.text",
    "content.xml": f"<o:document-content xmlns:o='{ODF}:office:1.0' xmlns:t='{ODF}:text:1.0'>"
    f"<o:body><o:text><t:p>{WORDS}</t:p></o:text></o:body></o:document-content>",
}
BODY_PARTS = {
    "docx": "word/document.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "epub": "p.xhtml",
    "odt": "content.xml",
}
"""The part of each kind of archive that holds its words."""


def word(fill: Callable[[docx.document.Document], object] | None = None) -> bytes:
    document = docx.Document()
    document.add_paragraph(WORDS)
    if fill:
        fill(document)
    return saved(document.save)


def deck() -> bytes:
    made = pptx.Presentation()
    made.slides.add_slide(made.slide_layouts[5]).shapes.title.text = WORDS
    return saved(made.save)


def book() -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as made:
        made.add_worksheet("Quay").write(0, 0, WORDS)
    return stream.getvalue()


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def honest(kind: str) -> bytes:
    """A file of the kind that holds WORDS and no harm."""
    makers: dict[str, Callable[[], bytes]] = {
        "docx": word,
        "pptx": deck,
        "xlsx": book,
        "epub": partial(packed, EPUB_HEAD),
        "odt": partial(packed, ODT_HEAD),
    }
    return makers[kind]()


def with_part(kind: str, part: str, content: str | bytes) -> bytes:
    return packed(unpacked(honest(kind)) | {part: content})  # type: ignore[dict-item]


# Archives


def bomb(kind: str) -> bytes:
    """Its words unpack to a thousand times their size."""
    return with_part(kind, BODY_PARTS[kind], bytes(UNPACKED))


def many_members(kind: str) -> bytes:
    return packed(unpacked(honest(kind)) | {f"x/{n}": b"" for n in range(25_000)})


def overlapping(kind: str) -> bytes:
    """A list of contents that names the same packed bytes many times over."""
    stream = io.BytesIO(honest(kind))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/0", bytes(8 << 20))
        first = archive.getinfo("x/0")
        for n in range(1, 5_000):
            other = zipfile.ZipInfo(f"x/{n}")
            for name in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(other, name, getattr(first, name))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
    return stream.getvalue()


def lying_sizes(kind: str) -> bytes:
    """An archive that says its largest part is small."""
    content = bomb(kind)
    return content.replace(struct.pack("<I", UNPACKED), struct.pack("<I", 1_000))


def unsafe_name(kind: str, name: str) -> bytes:
    return packed(unpacked(honest(kind)) | {name: SECRET})


# Mail


def mail(*parts: tuple[str, bytes]) -> bytes:
    """A message with a text and a file for each part, under the name given."""
    head = (
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: Quay\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        f"--x\r\nContent-Type: text/plain\r\n\r\n{WORDS}\r\n"
    ).encode()
    files = [
        f"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'.encode()
        + base64.encodebytes(content)
        for name, content in parts
    ]
    return head + b"\r\n".join([*files, b"--x--\r\n"])


def attached_in_attached(n: int) -> bytes:
    inner = word()
    for k in range(n):
        inner = mail((f"{k}.eml" if k else "word.docx", inner))
    return inner


def saved_page(body: str) -> bytes:
    return (
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
        "Content-Type: text/html\r\nContent-Location: file:///a/b.html\r\n\r\n"
        f"<p>{WORDS}</p>{body}\r\n--x\r\nContent-Type: image/png\r\nContent-Location: ../../x.png"
        f"\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(picture()).decode()}\r\n"
        "--x--\r\n"
    ).encode()


def deep_mail(n: int) -> bytes:
    head = b"Content-Type: message/rfc822\r\n\r\n" * n
    return b"From: a@example.org\r\nSubject: Quay\r\nMIME-Version: 1.0\r\n" + head + WORDS.encode()


def deep_multipart(n: int) -> bytes:
    head = b"From: a@example.org\r\nSubject: Quay\r\nMIME-Version: 1.0\r\n"
    parts = [
        b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (k, k) for k in range(n)
    ]
    return head + b"".join(parts) + b"Content-Type: text/plain\r\n\r\n" + WORDS.encode()


# XML


def laughs(root: str, body: str) -> str:
    """XML in which a few entities unpack to gigabytes."""
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY l0 "laugh">{levels}]>{body}'


def outside(root: str, body: str, address: str) -> str:
    """XML with an entity, &x;, that stands for what is at the address."""
    return (
        f'<?xml version="1.0"?><!DOCTYPE {root} SYSTEM "{address}" '
        f'[<!ENTITY x SYSTEM "{address}"><!ENTITY % p SYSTEM "{address}"> %p;]>{body}'
    )


def saying(kind: str, said: str) -> tuple[str, str]:
    """The root's name and the XML of the part that holds the words, which are what is said."""
    parts = unpacked(honest(kind))
    body = parts[BODY_PARTS[kind]].decode()
    if kind == "xlsx":
        body = (
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{WORDS}</t></is></c></row>'
            "</sheetData></worksheet>"
        )
    body = body.partition("?>")[2].strip() if body.startswith("<?xml") else body
    root = body[1:].partition(" ")[0].partition(">")[0]
    return root, body.replace(WORDS, f"{WORDS} {said}")


def entity_part(kind: str, write: Callable[[str, str], str], entity: str) -> bytes:
    return with_part(kind, BODY_PARTS[kind], write(*saying(kind, entity)))


def svg(inside: str, *, head: str = "", size: str = "200") -> str:
    return (
        f'{head}<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" width="{size}" '
        f'height="{size}" viewBox="0 0 200 200"><text x="9" y="50">{WORDS}</text>{inside}</svg>'
    )


def svg_uses() -> str:
    """Ten lines that draw a billion squares."""
    uses = "".join(
        f'<g id="u{n}">' + f'<use href="#u{n - 1}"/>' * 10 + "</g>" for n in range(1, 10)
    )
    return svg(f'<defs><rect id="u0" width="9" height="9"/>{uses}</defs><use href="#u9"/>')


def svg_filter(inside: str) -> str:
    return svg(
        f'<filter id="f" x="-9" y="-9" width="99" height="99">{inside}</filter>'
        '<rect width="200" height="200" fill="red" filter="url(#f)"/>',
        size="1600",
    )


SVG_FILTERS = {
    "blur": '<feGaussianBlur stdDeviation="1000000"/>' * 200,
    "turbulence": '<feTurbulence baseFrequency="9" numOctaves="1000000000"/>',
    "morphology": '<feMorphology operator="dilate" radius="100000"/>' * 50,
    "matrix": '<feConvolveMatrix order="300" kernelMatrix="{}"/>'.format("1 " * 90_000),
    "light": '<feDiffuseLighting><fePointLight x="1" y="1" z="1"/></feDiffuseLighting>' * 300,
}
SVG_SHAPES = {
    "dashes": '<path d="M0 0 L200 200 L0 200 L200 0" stroke="red" stroke-dasharray="0.00001"/>',
    "pattern": '<pattern id="p" width="0.001" height="0.001" patternUnits="userSpaceOnUse"><rect '
    'width="1" height="1" fill="red"/></pattern><rect width="200" height="200" fill="url(#p)"/>',
    "patterns": '<pattern id="p0" width="1" height="1" patternUnits="userSpaceOnUse"><rect '
    'width="1" height="1" fill="red"/></pattern>'
    + "".join(
        f'<pattern id="p{n}" width="1" height="1" patternUnits="userSpaceOnUse" '
        f'patternTransform="scale(99)"><rect width="1" height="1" fill="url(#p{n - 1})"/></pattern>'
        for n in range(1, 60)
    )
    + '<rect width="200" height="200" fill="url(#p59)"/>',
    "masks": "".join(
        f'<mask id="m{n}"><rect width="200" height="200" fill="white"'
        + (f' mask="url(#m{n - 1})"' if n else "")
        + "/></mask>"
        for n in range(200)
    )
    + '<rect width="200" height="200" mask="url(#m199)"/>' * 300,
    "groups": '<g opacity="0.9">' * 250 + '<rect width="9" height="9"/>' + "</g>" * 250,
    "opacity": '<g opacity="0.9"><rect width="200" height="200"/></g>' * 20_000,
}


# Pictures


def png_head(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(9_000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def png_texts() -> bytes:
    """Ten million letters of text in each of many compressed chunks."""
    packed_text = b"Title\0\0" + zlib.compress(b"x" * 10_000_000)
    chunk = struct.pack(">I", len(packed_text)) + b"zTXt" + packed_text
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    honest_png = picture()
    return honest_png[:33] + chunk * 100 + honest_png[33:]


def gif_head(width: int, height: int) -> bytes:
    content = bytearray(picture(kind="GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    at = content.index(b"\x2c")
    content[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(content)


def gif_frames(n: int) -> bytes:
    content = picture(kind="GIF")
    at = content.index(b"\x2c")
    frame = b"\x21\xf9\x04\0\x05\0\0\0" + content[at:-1]
    return content[:-1] + frame * n + b"\x3b"


def webp_head(width: int, height: int) -> bytes:
    """A lossless WebP that claims a size; the format goes to 16,384 pixels a side."""
    content = bytearray(picture(kind="WEBP", lossless=True))
    at = content.index(b"VP8L") + 9
    content[at : at + 4] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return bytes(content)


def tiff_pages(n: int, *, loops: bool = False, width: int = 30) -> bytes:
    """n pages with the same pixels; the last leads to the first where it loops."""
    pixels = bytes(900)
    entries = [
        (256, 4, width), (257, 4, width), (258, 3, 8), (259, 3, 1), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, width), (279, 4, 900),
    ]  # fmt: skip
    page = struct.pack("<H", len(entries))
    page += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    start = 8 + len(pixels)
    step = len(page) + 4
    places = [start + step * (k + 1) for k in range(n - 1)] + [start if loops else 0]
    return (
        b"II*\0"
        + struct.pack("<I", start)
        + pixels
        + b"".join(page + struct.pack("<I", place) for place in places)
    )


# Texts


def notebook(n: int) -> bytes:
    png = base64.b64encode(picture()).decode()
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": png}}
    cell = {"cell_type": "code", "source": "plot()", "metadata": {}, "outputs": [output] * n}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    ).encode()


def page(body: str) -> str:
    return f"<!doctype html><title>Quay</title><body><p>{WORDS}</p>{body}</body>"


def data_uri(n_bytes: int) -> str:
    return f"data:image/png;base64,{'A' * (n_bytes // 3 * 4)}"


# Office


def sheet(rows: str, *, head: str = "", strings: str = "") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts = unpacked(book())
    parts["xl/worksheets/sheet1.xml"] = (
        f'<worksheet xmlns="{main}">{head}<sheetData>{rows}</sheetData></worksheet>'.encode()
    )
    if strings:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}">{strings}</sst>'.encode()
    return packed(parts)


def cell(place: str, value: str) -> str:
    number = "".join(c for c in place if c.isdigit())
    return f'<row r="{number}"><c r="{place}" t="inlineStr"><is><t>{value}</t></is></c></row>'


def deep_deck(n: int) -> bytes:
    part = unpacked(deck())[BODY_PARTS["pptx"]].decode()
    group = (
        '<p:grpSp><p:nvGrpSpPr><p:cNvPr id="9" name="g"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr>'
        "<p:grpSpPr/>"
    )
    nest = group * n + "</p:grpSp>" * n
    return with_part("pptx", BODY_PARTS["pptx"], part.replace("</p:spTree>", f"{nest}</p:spTree>"))


def deep_word(n: int, *, inside: str = "Deep") -> bytes:
    part = unpacked(word())[BODY_PARTS["docx"]].decode()
    start, end = "<w:tbl><w:tr><w:tc>", "<w:p/></w:tc></w:tr></w:tbl>"
    nest = start * n + f"<w:p><w:r><w:t>{inside}</w:t></w:r></w:p>" + end * n
    return with_part("docx", BODY_PARTS["docx"], part.replace("<w:sectPr", f"{nest}<w:sectPr", 1))


def wide_ods() -> bytes:
    table = (
        f"<o:document-content xmlns:o='{ODF}:office:1.0' xmlns:b='{ODF}:table:1.0' "
        f"xmlns:t='{ODF}:text:1.0'><o:body><o:spreadsheet><b:table b:name='Quay'>"
        "<b:table-row b:number-rows-repeated='1048576'><b:table-cell "
        f"b:number-columns-repeated='16384'><t:p>{WORDS}</t:p></b:table-cell></b:table-row>"
        "</b:table></o:spreadsheet></o:body></o:document-content>"
    )
    head = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}
    return packed(head | {"content.xml": table})


# Recordings


def long_film(hours: int) -> bytes:
    """A film of a second that claims to last for hours."""
    with TemporaryDirectory() as folder:
        film = write(Path(folder) / "film.mp4", pictures=[(scene(1), 1.0)])
        content = bytearray(film.read_bytes())
    for box in (b"mvhd", b"mdhd", b"tkhd"):
        at = content.find(box)
        while at >= 0:
            place = at + (24 if box == b"tkhd" else 20)
            content[place : place + 4] = struct.pack(">I", min(hours * 3_600_000, 0xFFFFFFFF))
            at = content.find(box, at + 4)
    return bytes(content)


def long_wave() -> bytes:
    """A second of silence that claims to be four gigabytes."""
    samples = np.zeros(16_000, "<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff"
        + samples
    )  # fmt: skip


READ = "its words are read, without the harm"
OTHERWISE = "something is read; words that are no harm are not in it, or not in one piece"
REFUSED = "nothing of it is read"
EITHER = "read or refused: by how deep Python goes, and how fast the machine draws"
UNEVEN = {"morphology", "matrix", "dashes", "pattern"}
"""Drawings that a slow machine gives up."""
HOSTILE: dict[str, tuple[str, Callable[[str], bytes | str]]] = {
    **{f"bomb.{kind}": (REFUSED, lambda _, kind=kind: bomb(kind)) for kind in BODY_PARTS},
    **{
        f"many-members.{kind}": (REFUSED, lambda _, kind=kind: many_members(kind))
        for kind in BODY_PARTS
    },
    **{
        f"overlapping.{kind}": (REFUSED, lambda _, kind=kind: overlapping(kind))
        for kind in BODY_PARTS
    },
    **{
        f"lying-sizes.{kind}": (REFUSED, lambda _, kind=kind: lying_sizes(kind))
        for kind in BODY_PARTS
    },
    **{
        f"unsafe-name-{n}.{kind}": (
            REFUSED,
            lambda _, kind=kind, name=name: unsafe_name(kind, name),
        )
        for n, name in enumerate(("../../x", "/tmp/x", "C:\\x", "a/../../x", "..\\..\\x"))
        for kind in ("docx", "epub")
    },
    **{
        f"attached-{n}.eml": (
            READ,
            lambda _, name=name: mail((name, b"Words of the attached file.")),
        )
        for n, name in enumerate(("../../x.txt", "/tmp/x.txt", "C:\\x.txt", "." * 5_000))
    },
    "attached-bomb.eml": (READ, lambda _: mail(("a.docx", bomb("docx")), ("b.zip", bomb("odt")))),
    "many-attached.eml": (READ, lambda _: mail(*[(f"{n}.txt", b"Words") for n in range(2_000)])),
    "page.mhtml": (READ, lambda address: saved_page(f"<img src=../../x.png><img src='{address}'>")),
    "attached-in-attached.eml": (READ, lambda _: attached_in_attached(12)),
    "deep.eml": (EITHER, lambda _: deep_mail(500)),
    "deeper.eml": (REFUSED, lambda _: deep_mail(20_000)),
    "deep-multipart.eml": (REFUSED, lambda _: deep_multipart(3_000)),
    **{
        f"laughs.{kind}": (
            READ if kind == "epub" else REFUSED,
            lambda _, kind=kind: entity_part(kind, laughs, "&l11;"),
        )
        for kind in BODY_PARTS
    },
    **{
        f"entity.{kind}": (
            READ,
            lambda address, kind=kind: entity_part(kind, partial(outside, address=address), "&x;"),
        )
        for kind in BODY_PARTS
    },
    "laughs.svg": (REFUSED, lambda _: laughs("svg", svg("<text y='90'>&l11;</text>"))),
    "entity.svg": (READ, lambda address: outside("svg", svg("<text y='90'>&x;</text>"), address)),
    "laughs.xml": (REFUSED, lambda _: laughs("a", f"<a><b>{WORDS}</b><c>&l11;</c></a>")),
    "entity.xml": (READ, lambda address: outside("a", f"<a><b>{WORDS}</b><c>&x;</c></a>", address)),
    "entity-web.xml": (REFUSED, lambda _: outside("a", "<a>&x;</a>", "http://192.0.2.1/x")),
    "deep.xml": (REFUSED, lambda _: "<a>" * DEEP + "x" + "</a>" * DEEP),
    "laughs.html": (READ, lambda _: laughs("html", page("&l11;"))),
    "giant.png": (REFUSED, lambda _: png_head(50_000, 50_000)),
    "texts.png": (REFUSED, lambda _: png_texts()),
    "giant.gif": (REFUSED, lambda _: gif_head(50_000, 50_000)),
    "giant.webp": (REFUSED, lambda _: webp_head(16_384, 16_384)),
    "giant.tif": (REFUSED, lambda _: tiff_pages(1, width=50_000)),
    "giant-pages.tif": (REFUSED, lambda _: tiff_pages(100, width=50_000)),
    "giant.svg": (READ, lambda _: svg("", size="50000000")),
    "pages.tif": (REFUSED, lambda _: tiff_pages(100_000)),
    "loop.tif": (REFUSED, lambda _: tiff_pages(3, loops=True)),
    "frames.gif": (OTHERWISE, lambda _: gif_frames(50_000)),
    "uses.svg": (REFUSED, lambda _: svg_uses()),
    "links.svg": (
        READ,
        lambda address: svg(
            f"<image href='{address}' width='99' height='99'/>"
            "<image xlink:href='http://192.0.2.1/x' width='9' height='9'/>"
            f"<use href='{address}#a'/><style>@import url({address});"
            f"rect {{fill: url({address}#a)}}</style><rect width='9' height='9'/>",
            head=f"<?xml-stylesheet href='{address}'?>",
        ),
    ),
    "deep.svg": (REFUSED, lambda _: svg("<g>" * 10_000 + "</g>" * 10_000)),
    **{
        f"{n}.svg": (EITHER if n in UNEVEN else READ, lambda _, f=inside: svg_filter(f))
        for n, inside in SVG_FILTERS.items()
    },
    **{
        f"{n}.svg": (EITHER if n in UNEVEN else READ, lambda _, i=inside: svg(i, size="1600"))
        for n, inside in SVG_SHAPES.items()
    },
    "links.html": (
        READ,
        lambda address: page(
            f"<img src='{address}'><img src='{address.removeprefix('file://')}'>"
            "<img src='../secret.png'>"
            f"<img src='{'../' * 30}{address.removeprefix('file:///')}'><img src='link.png'>"
            "<img src='\\\\192.0.2.1\\x\\x.png'><img src='//192.0.2.1/x.png'>"
            f"<object data='{address}' type='image/png'></object><iframe src='{address}'></iframe>"
            f"<link rel=stylesheet href='{address}'><base href='{address}'>"
        ),
    ),
    "deep.html": (READ, lambda _: page("<div>" * DEEP)),
    "deep-lists.html": (READ, lambda _: page("<ul><li>" * (DEEP // 4))),
    "deep-tables.html": (READ, lambda _: page("<table><tr><td>a<td>" * 9_000)),
    "deep-marks.html": (READ, lambda _: page("<b><i>" * (DEEP // 4) + "<p>x</p>" * 1_000)),
    "less-than.html": (REFUSED, lambda _: "<" * 20_000_000),
    "open-comment.html": (REFUSED, lambda _: page("<!--" * 1_000_000)),
    "attributes.html": (
        READ,
        lambda _: page("<p " + " ".join(f"a{n}=b" for n in range(200_000)) + ">x"),
    ),
    "spans.html": (
        READ,
        lambda _: page("<table>" + "<tr><td colspan=9999 rowspan=9999>x<td>y" * 3_000 + "</table>"),
    ),
    "data-uri.html": (REFUSED, lambda _: page(f"<img src='{data_uri(60 << 20)}'>")),
    "data-uri-within-the-limit.html": (READ, lambda _: page(f"<img src='{data_uri(30 << 20)}'>")),
    "brackets.md": (OTHERWISE, lambda _: "[" * DEEP),
    "brackets-closed.md": (OTHERWISE, lambda _: "[" * DEEP + "](" * DEEP),
    "pictures.md": (OTHERWISE, lambda _: "![" * DEEP + "](x)" * DEEP),
    "stars.md": (OTHERWISE, lambda _: "*a" * (DEEP // 4)),
    "stars-closed.md": (OTHERWISE, lambda _: "*a **b " * (DEEP // 5) + "c* d** " * (DEEP // 5)),
    "quotes.md": (REFUSED, lambda _: "> " * DEEP + WORDS),
    "quoted-lines.md": (OTHERWISE, lambda _: "".join(f"{'>' * n} a\n" for n in range(1, 3_000))),
    "lists.md": (REFUSED, lambda _: "- " * DEEP + WORDS),
    "ticks.md": (OTHERWISE, lambda _: "".join(f"{'`' * n} a " for n in range(1_500))),
    "references.md": (
        OTHERWISE,
        lambda _: "".join(f"[a{n}]: x\n" for n in range(DEEP // 4)) + "[a1]" * (DEEP // 4),
    ),
    "entities.md": (OTHERWISE, lambda _: "&#x<!<a " * (DEEP // 4)),
    "table.md": (
        OTHERWISE,
        lambda _: "|".join("a" * 1_000) + "\n" + "|".join("-" * 1_000) + "\n" + "|\n" * 1_000,
    ),
    "groups.rtf": (READ, lambda _: "{\\rtf1 " + "{\\b " * DEEP + WORDS),
    "pictures.rtf": (READ, lambda _: "{\\rtf1 " + WORDS + "{\\pict\\pngblip 00}" * 20_000 + "}"),
    "open-pictures.rtf": (
        READ,
        lambda _: "{\\rtf1 " + WORDS + "{\\pict\\pngblip 00" * 200_000 + "}",
    ),
    "skipped.rtf": (
        OTHERWISE,
        lambda _: "{\\rtf1 " + WORDS + "\\uc99999999 \\u8364 " * 1_000 + "\\bin999999999 x}",
    ),
    "deep.json": (REFUSED, lambda _: "[" * DEEP),
    "deep-objects.json": (REFUSED, lambda _: '{"a":' * DEEP + "1" + "}" * DEEP),
    "deep-900.json": (EITHER, lambda _: '{"a":[' * 450 + "1" + "]}" * 450),
    "digits.json": (REFUSED, lambda _: '{"a": ' + "9" * 1_000_000 + "}"),
    "names.json": (
        OTHERWISE,
        lambda _: json.dumps([{f"k{n}_{m}": 1 for m in range(50)} for n in range(4_000)]),
    ),
    "deep.ipynb": (REFUSED, lambda _: '{"cells": ' + "[" * DEEP),
    "outputs.ipynb": (OTHERWISE, lambda _: notebook(5_000)),
    "line.csv": (OTHERWISE, lambda _: "a," * 10_000_000),
    "quote.csv": (REFUSED, lambda _: 'a,b\n1,"' + "x,y\n" * 2_000_000),
    "columns.csv": (OTHERWISE, lambda _: (",".join(map(str, range(20_000))) + "\n") * 20),
    "rows.csv": (OTHERWISE, lambda _: "a,b\n" * 1_000_000),
    "deep.rst": (EITHER, lambda _: "".join(f"{'  ' * n}* a\n\n" for n in range(500))),
    "substitutions.rst": (
        OTHERWISE,
        lambda _: (
            "".join(f".. |l{n}| replace:: {f'|l{n - 1}| ' * 10}\n" for n in range(1, 12))
            + ".. |l0| replace:: laugh\n\n|l11|\n"
        ),
    ),
    "include.rst": (
        READ,
        lambda address: (
            f"{WORDS}\n\n.. include:: {address.removeprefix('file://')}\n\n"
            f".. raw:: html\n   :file: {address.removeprefix('file://')}\n\n"
            f".. csv-table:: a\n   :url: http://192.0.2.1/x\n"
        ),
    ),
    "stars.rst": (OTHERWISE, lambda _: "*a `b" * DEEP),
    "brackets.py": (OTHERWISE, lambda _: "(" * DEEP),
    "tabs.py": (OTHERWISE, lambda _: "".join(f"{' ' * n}if x:\n" for n in range(1_000))),
    "dimension.xlsx": (
        READ,
        lambda _: sheet(
            cell("A1", WORDS) + cell("XFD1048576", "end"), head='<dimension ref="A1:XFD1048576"/>'
        ),
    ),
    "strings.xlsx": (
        REFUSED,
        lambda _: sheet(
            '<row r="1"><c r="A1" t="s"><v>999999</v></c></row>',
            strings="<si><t>x</t></si>" * 1_000_000,
        ),
    ),
    "rows.xlsx": (OTHERWISE, lambda _: sheet('<row r="1"><c r="A1"><v>1</v></c></row>' * 100_000)),
    "deep.pptx": (REFUSED, lambda _: deep_deck(5_000)),
    "deep-but-legal.pptx": (READ, lambda _: deep_deck(200)),
    "deep-tables.docx": (REFUSED, lambda _: deep_word(1_000)),
    "deep-but-legal-tables.docx": (READ, lambda _: deep_word(80)),
    "repeated.ods": (READ, lambda _: wide_ods()),
    "hours.mp4": (OTHERWISE, lambda _: long_film(10_000)),
    "length.wav": (REFUSED, lambda _: long_wave()),
}
