"""Says what a file is, from its content.

The file's name decides only between formats that are all text, and serves to notice a
file that is not what it claims to be. Leaves out reading the file: a damaged file of a
known kind is for its loader to refuse.
"""

from __future__ import annotations

import mmap
import re
import warnings
import zipfile
import zlib
from pathlib import Path, PurePath

from PIL import Image

from loaders.encoding import decode
from loaders.errors import BrokenDocument, EmptyDocument, EncryptedDocument, LimitExceeded
from loaders.limits import DEFAULT_LIMITS
from loaders.media import PICTURE_FORMATS

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML = "text/html"
MARKDOWN = "text/markdown"
EPUB = "application/epub+zip"
MAIL = "message/rfc822"
OUTLOOK = "application/vnd.ms-outlook"
WEB_ARCHIVE = "multipart/related"
NOTEBOOK = "application/x-ipynb+json"
JSON = "application/json"
CSV = "text/csv"
RST = "text/x-rst"
XML = "application/xml"
RTF = "application/rtf"
PLAIN_TEXT = "text/plain"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
ZIP = "application/zip"
OLE2 = "application/x-ole-storage"
UNKNOWN = "application/octet-stream"

PICTURE_TYPES = frozenset(
    f"image/{kind}"
    for kind in (
        *("png", "jpeg", "mpo", "gif", "webp", "tiff", "bmp", "avif", "jp2", "jpx", "x-icon"),
    )
)
UNREAD_PICTURES = {
    f".{kind}": f"image/x-{kind}" for kind in ("tga", "pcx", "dds", "ppm", "pgm", "pbm", "pnm")
}
"""By their names, since they have no clear signature."""

HEAD_BYTES = 64 * 1024
PDF_HEAD_BYTES = 1024
TAIL_BYTES = 2048
PART_LIST_BYTES = 4 * 1024 * 1024

OPEN_DOCUMENT_TYPES = tuple(
    f"application/vnd.oasis.opendocument.{kind}" for kind in ("text", "spreadsheet", "presentation")
)
CONVERTED_TYPES = {
    "application/msword": (".doc", "docx", "MS Word 97"),
    "application/vnd.ms-powerpoint": (".ppt", "pptx", "MS PowerPoint 97"),
    "application/vnd.ms-excel": (".xls", "xlsx", "MS Excel 97"),
    XLSB: (".xlsb", "xlsx", "Calc MS Excel 2007 Binary"),
}
"""Formats that LibreOffice converts: their own suffix, what into, and its name for the format."""

NAMES = {
    PDF: "a PDF",
    DOCX: "a Word document",
    PPTX: "a PowerPoint presentation",
    XLSX: "an Excel workbook",
    XLSB: "a binary Excel workbook",
    ZIP: "a zip archive",
    OLE2: "an Office file of before 2007",
    HTML: "a web page",
    MARKDOWN: "a Markdown text",
    PLAIN_TEXT: "a text",
    EPUB: "an EPUB book",
    "application/gzip": "a gzip archive",
    JSON: "a JSON file",
    "application/msword": "a Word document of before 2007",
    "application/postscript": "a PostScript file",
    RTF: "a rich text file",
    "application/vnd.ms-excel": "an Excel workbook of before 2007",
    OUTLOOK: "an Outlook message",
    "application/vnd.ms-powerpoint": "a PowerPoint presentation of before 2007",
    "application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation",
    "application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument spreadsheet",
    "application/vnd.oasis.opendocument.text": "an OpenDocument text",
    "application/vnd.sqlite3": "an SQLite database",
    "application/x-executable": "a program",
    NOTEBOOK: "a Jupyter notebook",
    XML: "an XML file",
    "image/svg+xml": "an SVG drawing",
    MAIL: "an e-mail message",
    WEB_ARCHIVE: "a saved web page (MHTML)",
    RST: "a reStructuredText",
    CSV: "a CSV table",
}
GROUP_NAMES = {"audio": "a sound file", "video": "a film", "image": "a picture", "font": "a font"}

SIGNATURES = [
    (re.compile(pattern, re.DOTALL), mime)
    for pattern, mime in (
        (rb"%PDF-", PDF),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE2),
        (rb"PK(?:\x03\x04|\x05\x06)", ZIP),
        (rb"\{\\rtf", RTF),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "application/postscript"),
        (rb"8BPS\x00", "image/vnd.adobe.photoshop"),
        (rb"\xd7\xcd\xc6\x9a", "image/wmf"),
        (rb"\x01\x00\x00\x00.{36} EMF", "image/emf"),
        (rb"AT&TFORM", "image/vnd.djvu"),
        (rb".{4}ftyp(?:hei|mif1)", "image/heic"),
        (rb"fLaC", "audio/flac"),
        (rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "audio/mpeg"),
        (rb"\xff[\xf1\xf9]", "audio/aac"),
        (rb"OggS\x00", "audio/ogg"),
        (rb"#!AMR", "audio/amr"),
        (rb"caff\x00\x01", "audio/x-caf"),
        (rb"MThd\x00", "audio/midi"),
        (rb"R(?:IFF|F64).{4}WAVE", "audio/wav"),
        (rb"FORM.{4}AIF[FC]", "audio/aiff"),
        (rb".{4}ftypM4[AB]", "audio/mp4"),
        (rb".{4}ftypqt", "video/quicktime"),
        (rb".{4}ftyp", "video/mp4"),
        (rb".{4}(?:moov|mdat|wide)", "video/quicktime"),
        (rb"RIFF.{4}AVI ", "video/x-msvideo"),
        (rb"\x1a\x45\xdf\xa3", "video/webm"),
        (rb"FLV\x01", "video/x-flv"),
        (rb"\x00\x00\x01[\xba\xb3]", "video/mpeg"),
        (rb"G.{187}G.{187}G", "video/mp2t"),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
        (rb"\x1f\x8b", "application/gzip"),
        (rb"BZh[1-9]1AY", "application/x-bzip2"),
        (rb"\xfd7zXZ\x00", "application/x-xz"),
        (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (rb"Rar!\x1a\x07", "application/vnd.rar"),
        (rb".{257}ustar", "application/x-tar"),
        (rb"SQLite format 3\x00", "application/vnd.sqlite3"),
        (rb"\x7fELF|MZ\x90\x00", "application/x-executable"),
        (rb"wOF[F2]", "font/woff"),
    )
]

OOXML_MAIN_PARTS = {
    b"wordprocessingml.document.main": DOCX,
    b"wordprocessingml.template.main": DOCX,
    b"ms-word.document.macroEnabled.main": DOCX,
    b"ms-word.template.macroEnabledTemplate.main": DOCX,
    b"presentationml.presentation.main": PPTX,
    b"presentationml.slideshow.main": PPTX,
    b"presentationml.template.main": PPTX,
    b"ms-powerpoint.presentation.macroEnabled.main": PPTX,
    b"ms-powerpoint.slideshow.macroEnabled.main": PPTX,
    b"spreadsheetml.sheet.main": XLSX,
    b"spreadsheetml.template.main": XLSX,
    b"ms-excel.sheet.macroEnabled.main": XLSX,
    b"ms-excel.sheet.binary.macroEnabled.main": XLSB,
}
OLE2_STREAMS = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "Workbook": "application/vnd.ms-excel",
    "__substg1.0_": OUTLOOK,
}

BINARY_SUFFIXES = {
    ".pdf": PDF,
    **dict.fromkeys((".docx", ".docm", ".dotx"), DOCX),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".potx"), PPTX),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), XLSX),
    ".xlsb": XLSB,
    ".doc": "application/msword",
    ".ppt": "application/vnd.ms-powerpoint",
    ".xls": "application/vnd.ms-excel",
    ".msg": OUTLOOK,
    ".epub": EPUB,
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".zip": ZIP,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff"), "image/*"),
    **dict.fromkeys((".bmp", ".avif", ".jp2", ".ico", ".heic", ".heif", ".psd"), "image/*"),
    **dict.fromkeys((".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac"), "audio/*"),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg"), "video/*"),
}
SHEET_SUFFIXES = {".xls", ".xlsx", ".ods"}
PAGE_SUFFIXES = SHEET_SUFFIXES | {".doc", ".ppt"}
"""Under which web pages are exported. Under the others it is a page that asks to sign in."""
OFFICE_SUFFIXES = PAGE_SUFFIXES | {".docx", ".odt", ".pptx", ".odp"}
EXPORTED_TYPES = {HTML, MAIL, XML}
CSV_SIGNS = ("\t", ";", ",")
CSV_LINES = 10
"""Each with as many of a sign are a table."""
DATA_SUFFIXES = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".geojson"), JSON),
    **dict.fromkeys((".csv", ".tsv"), CSV),
    ".ipynb": NOTEBOOK,
    **dict.fromkeys((".eml", ".mbox"), MAIL),
    **dict.fromkeys((".mhtml", ".mht"), WEB_ARCHIVE),
    **dict.fromkeys((".xml", ".rss", ".atom", ".xsd", ".xsl", ".kml", ".gpx"), XML),
    ".svg": "image/svg+xml",
}
PROSE_SUFFIXES = {
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), HTML),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd"), MARKDOWN),
    **dict.fromkeys((".rst", ".rest"), RST),
}
SOURCE_SUFFIXES = (
    *(".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".kts"),
    *(".scala", ".groovy", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".cs", ".fs"),
    *(".vb", ".go", ".rs", ".swift", ".m", ".mm", ".rb", ".php", ".pl", ".pm", ".lua", ".r"),
    *(".jl", ".dart", ".ex", ".exs", ".erl", ".hs", ".ml", ".clj", ".lisp", ".el", ".scm"),
    *(".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".sql", ".proto", ".graphql"),
    *(".thrift", ".tf", ".hcl", ".nix", ".vue", ".svelte", ".css", ".scss", ".less", ".sol"),
    *(".zig", ".nim", ".d", ".pas", ".f90", ".f95", ".asm", ".s", ".cmake", ".gradle"),
    *(".sty", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties"),
)
"""Of program text, and of settings that are written like it."""
UNDECIDED_SUFFIXES = {"", ".txt", ".text"}
"""Their text is looked at for HTML and Markdown; any other, as .log or .py, is plain text."""

HTML_START = re.compile(
    # Nothing in it is tried a second way (++, ?>): with many comments that would take years.
    r"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:(?><!--.*?-->)\s*+)*+(?:<!doctype\s+html|<html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
HTML_TAG = re.compile(
    r"</?(?:a|body|br|div|h[1-6]|head|img|li|meta|p|span|table|td|title|ul)\b[^<>]*>", re.IGNORECASE
)
MIN_HTML_TAGS = 4
MAIL_HEADER = re.compile(
    r"(?:From |(?:From|To|Cc|Date|Subject|Received|Return-Path|Delivered-To|Message-ID|"
    r"MIME-Version|Content-Type|X-[\w-]{1,60}):)",
    re.IGNORECASE,
)
MAIL_SIGNS = ("message-id:", "mime-version:", "received:", "return-path:", "from ")
MIN_MAIL_HEADERS = 3
MARKDOWN_SIGNS = [  # with bounds, since hostile text makes open ends slow
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"\[[^\[\]\n]{1,200}\]\([^()\s]{1,500}[^()\n]{0,200}\)"),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"^ {0,3}\|? {0,3}:?-{3,80}:? {0,3}\|[ :|-]*$", re.MULTILINE),
    re.compile(r"(?<!\w)\*\*[^\s*][^*\n]{0,200}[^\s*]\*\*"),
]
MIN_MARKDOWN_SIGNS = 2


def content_type(path: Path, name: str, *, is_web_page: bool = False) -> str:
    """The MIME type of a file; `application/octet-stream` if it is neither known nor text.

    name: the file's name as a person knows it. is_web_page: the name is the end of a URL,
    so a suffix of a binary format (`…/File:Duck.jpg`) claims nothing.
    Raises EmptyDocument, EncryptedDocument, LimitExceeded, or BrokenDocument if the file
    is named as one of a format that it is not.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise EmptyDocument(f"{name} is an empty file (0 bytes).")
    found = _by_signature(path, name, head)
    if found:
        return found
    suffix = PurePath(name).suffix.lower()
    text = decode(head, is_cut=len(head) == HEAD_BYTES)
    exported = _exported_type(text, suffix) if text and suffix in OFFICE_SUFFIXES else None
    if exported:
        return exported
    if suffix in BINARY_SUFFIXES and not is_web_page:
        claimed = format_name(BINARY_SUFFIXES[suffix])
        raise BrokenDocument(
            f"{name} is named {claimed} but its content is not one; "
            "it may be damaged or only partly downloaded. Open it in its own program to check."
        )
    if text is None:
        return UNREAD_PICTURES.get(suffix, UNKNOWN)
    return _text_type(text, suffix)


def format_name(mime: str) -> str:
    """A content type in words, with its article: "a Word document"."""
    group, _, kind = mime.partition("/")
    if mime in NAMES or group not in GROUP_NAMES:
        return NAMES.get(mime, "an archive or data file")
    return GROUP_NAMES[group] + (f" ({kind.removeprefix('x-')})" if kind != "*" else "")


def _by_signature(path: Path, name: str, head: bytes) -> str | None:
    picture = _picture_type(path, name)
    if picture:
        return picture
    for signature, mime in SIGNATURES:
        if signature.match(head):
            if mime == ZIP:
                return _archive_type(path, name)
            if mime == OLE2:
                return _ole2_type(path, name)
            return mime
    return PDF if _is_late_pdf(path, name, head) else None


def _picture_type(path: Path, name: str) -> str | None:
    try:
        with warnings.catch_warnings():
            # Only the header is read here, so a large picture costs nothing yet.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                return image.get_format_mimetype()
    except Image.DecompressionBombError as error:
        raise LimitExceeded(
            f"{name} is too large a picture; the limit is {DEFAULT_LIMITS.max_pixels:,} pixels in "
            "all (max_pixels in the settings). Save it smaller."
        ) from error
    except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, RuntimeError):
        return None


def _is_late_pdf(path: Path, name: str, head: bytes) -> bool:
    """Whether a PDF follows some stray bytes, which PDF readers allow."""
    if b"%PDF-" not in head[:PDF_HEAD_BYTES]:
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        tail = file.read()
    return name.lower().endswith(".pdf") or b"%%EOF" in tail


def _archive_type(path: Path, name: str) -> str:
    """What a zip archive holds, by its list of parts."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if "mimetype" in members:
                stated = _start_of(archive, "mimetype").decode("ascii", "replace").strip()
                return stated if stated in NAMES and stated.startswith("application/") else ZIP
            if "[Content_Types].xml" not in members:
                return ZIP
            parts = _start_of(archive, "[Content_Types].xml")
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError) as error:
        claimed = format_name(BINARY_SUFFIXES.get(PurePath(name).suffix.lower(), ZIP))
        raise BrokenDocument(
            f"{name} is {_damaged(claimed)} ({error}). Get the file again from where it came."
        ) from error
    except NotImplementedError as error:
        raise BrokenDocument(
            f"{name} is packed in a way that only its own program knows ({error}). Save it anew."
        ) from error
    except RuntimeError as error:  # zipfile's way of asking for a password
        raise EncryptedDocument(f"{name} needs a password. Save it without one.") from error
    return next((mime for part, mime in OOXML_MAIN_PARTS.items() if part in parts), ZIP)


def _damaged(claimed: str) -> str:
    """ "a PDF" → "a damaged PDF"."""
    return f"a damaged {claimed.partition(' ')[2]}"


def _start_of(archive: zipfile.ZipFile, member: str) -> bytes:
    with archive.open(member) as file:
        return file.read(PART_LIST_BYTES)


def _ole2_type(path: Path, name: str) -> str:
    """An old Office format, by the names of its streams."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise EncryptedDocument(
                f"{name} needs a password. Open it in Office, remove the password and save it."
            )
        found = (m for s, m in OLE2_STREAMS.items() if content.find(s.encode("utf-16-le")) >= 0)
        kind = next(found, OLE2)
    claimed = BINARY_SUFFIXES.get(PurePath(name).suffix.lower())
    if kind == OLE2 and claimed and claimed in OLE2_STREAMS.values():
        raise BrokenDocument(
            f"{name} is {_damaged(format_name(claimed))}, or older than 1997: its content is "
            "not where such a file keeps it. Get the file again from where it came."
        )
    return kind


def _exported_type(text: str, suffix: str) -> str | None:
    """What a text under the name of an Office file is, as many programs on the web export it."""
    if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return NOTEBOOK if '"cells"' in text and '"nbformat"' in text else JSON
    found = _text_type(text, "")
    if found in EXPORTED_TYPES and (found != HTML or suffix in PAGE_SUFFIXES):
        return found
    lines = [line for line in text.splitlines()[:CSV_LINES] if line.strip()]
    counts = [{line.count(sign) for line in lines} for sign in CSV_SIGNS]
    is_table = len(lines) > 1 and any(len(n) == 1 and 0 not in n for n in counts)
    return CSV if is_table and suffix in SHEET_SUFFIXES else None


def _text_type(text: str, suffix: str) -> str:
    if suffix in DATA_SUFFIXES:
        return DATA_SUFFIXES[suffix]
    if HTML_START.match(text):
        return HTML
    if suffix in PROSE_SUFFIXES:
        return PROSE_SUFFIXES[suffix]
    if text.lstrip().startswith("<?xml"):
        return "image/svg+xml" if "<svg" in text else XML
    if suffix not in UNDECIDED_SUFFIXES:
        return PLAIN_TEXT
    if _is_mail(text):
        return MAIL
    if text.lstrip().startswith("<") and len(HTML_TAG.findall(text)) >= MIN_HTML_TAGS:
        return HTML
    n_signs = sum(1 for sign in MARKDOWN_SIGNS if sign.search(text))
    return MARKDOWN if n_signs >= MIN_MARKDOWN_SIGNS else PLAIN_TEXT


def _is_mail(text: str) -> bool:
    """Whether a text begins with the headers of a message."""
    if not MAIL_HEADER.match(text):
        return False
    lines = text.split("\n\n", 1)[0].lower().splitlines()
    n_headers = sum(1 for line in lines if MAIL_HEADER.match(line))
    return n_headers >= MIN_MAIL_HEADERS and any(line.startswith(MAIL_SIGNS) for line in lines)
