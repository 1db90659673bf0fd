"""A small whole file of each format that limner reads, by the keys of LOADERS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.loaders.heic import PHOTOGRAPH
from tests.loaders.hostile_files import (
    ODF,
    WORDS,
    cell,
    honest,
    mail,
    notebook,
    packed,
    page,
    saved_page,
    sheet,
    svg,
)
from tests.loaders.msg_files import text, write_msg
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import picture
from tests.loaders.recordings import noise, scene, write

OFFICE = "application/vnd.openxmlformats-officedocument"
OPEN = "application/vnd.oasis.opendocument"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CODE = f"# {WORDS}\ndef quay(year):\n    return year - 1871\n\n\nclass Quay:\n    pass\n"
RECORDINGS = {
    # suffix, container, sound, film
    "audio/aac": (".aac", "adts", "aac", ""),
    "audio/aiff": (".aiff", "aiff", "pcm_s16be", ""),
    "audio/flac": (".flac", "flac", "flac", ""),
    "audio/mp4": (".m4a", "ipod", "aac", ""),
    "audio/mpeg": (".mp3", "mp3", "libmp3lame", ""),
    "audio/ogg": (".ogg", "ogg", "libopus", ""),
    "audio/wav": (".wav", "wav", "pcm_s16le", ""),
    "audio/x-caf": (".caf", "caf", "pcm_s16be", ""),
    "video/mp2t": (".ts", "mpegts", "libmp3lame", "mpeg4"),
    "video/mp4": (".mp4", "mp4", "aac", "mpeg4"),
    "video/mpeg": (".mpg", "mpeg", "libmp3lame", "mpeg1video"),
    "video/quicktime": (".mov", "mov", "aac", "mpeg4"),
    "video/webm": (".webm", "matroska", "libopus", "mpeg4"),
    "video/x-flv": (".flv", "flv", "", "flv"),
    "video/x-ms-wmv": (".wmv", "asf", "", "wmv2"),
    "video/x-msvideo": (".avi", "avi", "libmp3lame", "mpeg4"),
}
PICTURES = {
    "image/png": (".png", "PNG"),
    "image/jpeg": (".jpg", "JPEG"),
    "image/gif": (".gif", "GIF"),
    "image/webp": (".webp", "WEBP"),
    "image/tiff": (".tif", "TIFF"),
    "image/bmp": (".bmp", "BMP"),
    "image/avif": (".avif", "AVIF"),
    "image/jp2": (".jp2", "JPEG2000"),
    "image/x-icon": (".ico", "ICO"),
}


def recorded(folder: Path, mime: str) -> bytes:
    suffix, container, sound, film = RECORDINGS[mime]
    path = folder / f"whole{suffix}"
    pictures = [(scene(1), 0.5), (scene(2), 0.5)] if film else []
    rate = {"frames_a_second": 25} if film.startswith("mpeg1") else {}
    return write(
        path,
        noise(1) if sound else None,
        pictures,
        sound_codec=sound,
        picture_codec=film,
        kind=container,
        **rate,
    ).read_bytes()


def old_office(stream: str) -> bytes:
    return OLE2 + bytes(600) + stream.encode("utf-16-le") + bytes(2_000)


def open_document(kind: str, body: str) -> bytes:
    names = " ".join(
        f"xmlns:{short}='{ODF}:{name}:1.0'"
        for short, name in (("o", "office"), ("t", "text"), ("b", "table"), ("d", "drawing"))
    )
    content = (
        f"<o:document-content {names}><o:body><o:{kind}>{body}</o:{kind}></o:body>"
        "</o:document-content>"
    )
    return packed({"mimetype": f"{OPEN}.{kind}", "content.xml": content})


def outlook(folder: Path) -> bytes:
    tree = {**text("0037", "Quay"), **text("1000", WORDS)}
    return write_msg(folder / "whole.msg", tree).read_bytes()


def pdf(folder: Path) -> bytes:
    return write_pdf(folder / "whole.pdf", [Page().text(72, 700, WORDS)]).read_bytes()


def two_views() -> bytes:
    """A photograph in 3D, which holds two."""
    return picture(200, 100, kind="MPO", save_all=True, append_images=[scene(2, (200, 100))])


def always(content: bytes | str) -> Callable[[Path], bytes]:
    return lambda _: content.encode() if isinstance(content, str) else content


SAMPLES: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "application/pdf": (".pdf", pdf),
    f"{OFFICE}.wordprocessingml.document": (".docx", lambda _: honest("docx")),
    f"{OFFICE}.presentationml.presentation": (".pptx", lambda _: honest("pptx")),
    f"{OFFICE}.spreadsheetml.sheet": (".xlsx", lambda _: sheet(cell("A1", WORDS))),
    "text/html": (".html", always(page("<table><tr><td>a<td>b<tr><td>1<td>2</table>"))),
    "text/markdown": (".md", always(f"# Quay\n\n{WORDS}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")),
    "application/epub+zip": (".epub", lambda _: honest("epub")),
    "message/rfc822": (".eml", lambda _: mail(("a.txt", b"Words."))),
    "application/vnd.ms-outlook": (".msg", outlook),
    "multipart/related": (".mhtml", always(saved_page("<img src=../../x.png>"))),
    "application/x-ipynb+json": (".ipynb", lambda _: notebook(1)),
    "text/csv": (".csv", always('Name;Year\nQuay;1871\n"Mole\nnew";1902\n')),
    "application/json": (".json", always('[{"a": 1, "b": {"c": [1, 2]}}, {"a": 2, "b": null}]')),
    "text/x-rst": (".rst", always(f"Quay\n====\n\n{WORDS} *x* ``y``\n\n.. note:: a\n   b\n")),
    "application/xml": (".xml", always(f"<a><title>Quay</title><b>{WORDS}</b></a>")),
    "application/rtf": (".rtf", always(rf"{{\rtf1\ansi {WORDS}\par {{\b x}}}}")),
    "text/plain": (".txt", always(f"{WORDS}\n\nThe mole came later.\n")),
    f"{OPEN}.text": (".odt", lambda _: honest("odt")),
    f"{OPEN}.spreadsheet": (
        ".ods",
        lambda _: open_document(
            "spreadsheet",
            "<b:table b:name='Quay'><b:table-row><b:table-cell><t:p>1871</t:p></b:table-cell>"
            "</b:table-row></b:table>",
        ),
    ),
    f"{OPEN}.presentation": (
        ".odp",
        lambda _: open_document(
            "presentation",
            f"<d:page d:name='Quay'><d:frame><d:text-box><t:p>{WORDS}</t:p></d:text-box>"
            "</d:frame></d:page>",
        ),
    ),
    "application/msword": (".doc", always(old_office("WordDocument"))),
    "application/vnd.ms-powerpoint": (".ppt", always(old_office("PowerPoint Document"))),
    "application/vnd.ms-excel": (".xls", always(old_office("Workbook"))),
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": (
        ".xlsb",
        lambda _: packed({"[Content_Types].xml": "ms-excel.sheet.binary.macroEnabled.main"}),
    ),
    **{
        mime: (suffix, always(picture(200, 100, kind=kind)))
        for mime, (suffix, kind) in PICTURES.items()
    },
    "image/mpo": (".mpo", lambda _: two_views()),
    "image/heic": (".heic", always(PHOTOGRAPH)),
    "image/svg+xml": (".svg", always(svg("<rect width='99' height='99' fill='red'/>"))),
    **{mime: (suffix, partial(recorded, mime=mime)) for mime, (suffix, *_) in RECORDINGS.items()},
}
"""Key of LOADERS → suffix, and what makes the content. A suffix of text has CODE."""
UNMADE = {"audio/amr": "no encoder in PyAV", "image/jpx": "Pillow writes JPEG 2000 as image/jp2"}
