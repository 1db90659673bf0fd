"""Small PDFs written by hand, so that a test knows every point of what it reads."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from io import BytesIO
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 612, 792
FILE_ID = bytes(16)
PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
"""What PDF fills passwords up with."""


@dataclass
class Page:
    """Draw on it with the methods below; y is measured from the bottom, in points."""

    extra: str = ""
    """More entries of the page's dictionary, such as `/Rotate 90`."""
    resources: str = ""
    """More entries of its resources, such as `/ExtGState<</Half<</ca 0.5>>>>`."""
    fonts: str = ""
    """Fonts besides /Plain, /Bold and /Typed, such as `/Odd @name@`."""
    forms: str = ""
    """Forms that `/Name Do` draws, such as `/Name @name@`."""
    media_box: str = f"0 0 {WIDTH} {HEIGHT}"
    content: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    """Objects of the images, and of their masks right after them."""

    def text(
        self, x: float, y: float, string: str, *, size: float = 10, bold: bool = False
    ) -> Page:
        return self.turned_text(x, y, string, (1, 0, 0, 1), size=size, bold=bold)

    def listing(
        self, x: float, y: float, *lines: str, size: float = 9, leading: float = 11
    ) -> Page:
        """Lines in a typewriter's letters; spaces at their beginning set them in."""
        for k, line in enumerate(lines):
            place = x + 0.6 * size * (len(line) - len(line.lstrip()))
            self.turned_text(place, y - k * leading, line.lstrip(), (1, 0, 0, 1), size=size)
            self.content[-1] = self.content[-1].replace("/Plain", "/Typed", 1)
        return self

    def turned_text(
        self,
        x: float,
        y: float,
        string: str,
        matrix: Sequence[float],
        *,
        size: float = 10,
        bold: bool = False,
    ) -> Page:
        escaped = string.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        a, b, c, d = matrix
        font = "/Bold" if bold else "/Plain"
        self.content.append(f"BT {font} {size} Tf {a} {b} {c} {d} {x} {y} Tm ({escaped}) Tj ET")
        return self

    def lines(
        self, x: float, y: float, *strings: str, size: float = 10, leading: float = 12
    ) -> Page:
        for k, string in enumerate(strings):
            self.text(x, y - k * leading, string, size=size)
        return self

    def picture(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        image: Image.Image,
        *,
        jpeg: bool = False,
        mask: Image.Image | None = None,
    ) -> Page:
        name = f"/Im{len(self.images)}"
        self.images.append(name)
        self.content.append(f"q {width} 0 0 {height} {x} {y} cm {name} Do Q")
        self.pieces.append(_image_object(image, jpeg=jpeg, has_mask=mask is not None))
        if mask:
            self.pieces.append(_image_object(mask.convert("L"), jpeg=False, has_mask=False))
        return self

    def draw(self, operators: str) -> Page:
        """Any operators of a content stream."""
        self.content.append(operators)
        return self

    def rectangle(self, x: float, y: float, width: float, height: float) -> Page:
        self.content.append(f"{x} {y} {width} {height} re f")
        return self


def write_pdf(
    path: Path,
    pages: Sequence[Page],
    *,
    title: str | None = None,
    outline: Sequence[tuple[str, int]] = (),
    broken_pages: Sequence[int] = (),
    catalog_entries: str = "",
    named: Mapping[str, str | bytes] | None = None,
    password: str | None = None,
) -> Path:
    """Write the pages.

    outline: (title, page index); broken_pages: indexes left without object. named: objects
    that `@name@` refers to, in them, in pages' `extra` and `resources`, and in the catalog;
    pages are `@page0@`, `@page1@` and so on. password: without it the file cannot be opened;
    such a file may hold no strings outside its pages' contents.
    """
    objects: dict[int, bytes] = {}

    def reserve() -> int:
        objects[len(objects) + 1] = b""
        return len(objects)

    catalog, tree, plain, bold, typed, info = (reserve() for _ in range(6))
    objects[plain] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    objects[bold] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>"
    objects[typed] = b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>"
    objects[info] = f"<</Title({title})>>".encode("latin-1") if title else b"<<>>"
    numbers = [reserve() for _ in pages]
    references = {f"page{k}": number for k, number in enumerate(numbers)}
    references |= {name: reserve() for name in named or {}}

    def referred(written: str | bytes) -> bytes:
        filled = written.encode("latin-1") if isinstance(written, str) else written
        for name, number in references.items():
            filled = filled.replace(f"@{name}@".encode(), f"{number} 0 R".encode())
        return filled

    for name, written in (named or {}).items():
        objects[references[name]] = referred(written)
    for number, page in zip(numbers, pages, strict=True):
        names = {}
        numbered = [(reserve(), piece) for piece in page.pieces]
        waiting = iter(page.images)
        for k, (own, piece) in enumerate(numbered):
            if k and b"@MASK@" in numbered[k - 1][1]:
                objects[own] = piece  # the mask of the image before
                continue
            names[next(waiting)] = own
            mask = numbered[k + 1][0] if b"@MASK@" in piece else 0
            objects[own] = piece.replace(b"@MASK@", f"/SMask {mask} 0 R".encode())
        content = reserve()
        stream = zlib.compress("\n".join(page.content).encode("latin-1"))
        objects[content] = _stream("/Filter/FlateDecode", stream)
        xobjects = " ".join(f"{name} {own} 0 R" for name, own in names.items())
        objects[number] = referred(
            f"<</Type/Page/Parent {tree} 0 R/MediaBox[{page.media_box}]{page.extra}"
            f"/Contents {content} 0 R"
            f"/Resources<</Font<</Plain {plain} 0 R/Bold {bold} 0 R/Typed {typed} 0 R"
            f"{page.fonts}>>"
            f"/XObject<<{xobjects}{page.forms}>>{page.resources}>>>>"
        )
    for index in broken_pages:
        objects[numbers[index]] = b"null"
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects[tree] = f"<</Type/Pages/Kids[{kids}]/Count {len(numbers)}>>".encode()
    root = ""
    if outline:
        first, *_ = own = [reserve() for _ in range(len(outline) + 1)]
        for k, (name, index) in enumerate(outline, 1):
            after = f"/Next {own[k + 1]} 0 R" if k < len(outline) else ""
            objects[own[k]] = (
                f"<</Title({name})/Parent {first} 0 R{after}/Dest[{numbers[index]} 0 R/Fit]>>"
            ).encode("latin-1")
        objects[first] = f"<</First {own[1]} 0 R/Last {own[-1]} 0 R>>".encode()
        root = f"/Outlines {first} 0 R"
    objects[catalog] = referred(f"<</Type/Catalog/Pages {tree} 0 R{root}{catalog_entries}>>")
    path.write_bytes(_file(objects, catalog, info, password))
    return path


def stream(entries: str, content: str | bytes) -> bytes:
    """A stream object for `named`."""
    return _stream(entries, content.encode("latin-1") if isinstance(content, str) else content)


def _image_object(image: Image.Image, *, jpeg: bool, has_mask: bool) -> bytes:
    space = "/DeviceGray" if image.mode == "L" else "/DeviceRGB"
    if jpeg:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=90)
        filtered, content = "/DCTDecode", buffer.getvalue()
    else:
        filtered, content = "/FlateDecode", zlib.compress(image.tobytes())
    entries = (
        f"/Type/XObject/Subtype/Image/Width {image.width}/Height {image.height}"
        f"/ColorSpace{space}/BitsPerComponent 8/Filter{filtered}{'@MASK@' if has_mask else ''}"
    )
    return _stream(entries, content)


def _stream(entries: str, content: bytes) -> bytes:
    head = f"<<{entries}/Length {len(content)}>>\nstream\n".encode()
    return head + content + b"\nendstream"


def _rc4(key: bytes, content: bytes) -> bytes:
    """Plainly written; the protection of old PDFs needs it, and nothing else."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    found = bytearray()
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        found.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(found)


def _encrypted(objects: dict[int, bytes], password: str) -> dict[int, bytes]:
    """The objects with their streams encrypted (40-bit RC4), and last what says so."""
    user = (password.encode("latin-1") + PADDING)[:32]
    owner = _rc4(md5(user).digest()[:5], user)
    key = md5(user + owner + b"\xfc\xff\xff\xff" + FILE_ID).digest()[:5]
    sealed = {}
    for number, content in objects.items():
        head, found, body = content.partition(b"\nstream\n")
        own = md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]
        body = _rc4(own, body.removesuffix(b"\nendstream")) + b"\nendstream" if found else b""
        sealed[number] = head + found + body
    entries = f"/O<{owner.hex()}>/U<{_rc4(key, PADDING).hex()}>"
    return sealed | {len(objects) + 1: f"<</Filter/Standard/V 1/R 2/P -4{entries}>>".encode()}


def _file(objects: dict[int, bytes], catalog: int, info: int, password: str | None) -> bytes:
    locked = ""
    if password is not None:
        locked = f"/Encrypt {len(objects) + 1} 0 R/ID[<{FILE_ID.hex()}><{FILE_ID.hex()}>]"
        objects = _encrypted(objects, password)
    written = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in sorted(objects.items()):
        places.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for place in places:
        written += f"{place:010} 00000 n \n".encode()
    trailer = f"<</Size {len(objects) + 1}/Root {catalog} 0 R/Info {info} 0 R{locked}>>"
    written += f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(written)


def write_book(
    path: Path, n_pages: int, *, picture_side: int = 180, pages_a_picture: int = 1
) -> Path:
    """Write pages one by one, each with prose, and on some or all a picture unlike all others.

    Of pages with pictures every other has a JPEG. Each takes about picture_side² bytes: 32 KB.
    """
    catalog, tree, font = 1, 2, 3
    places: dict[int, int] = {}
    with path.open("wb") as file:

        def write(number: int, content: bytes) -> None:
            places[number] = file.tell()
            file.write(f"{number} 0 obj\n".encode() + content + b"\nendobj\n")

        file.write(b"%PDF-1.7\n")
        write(font, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
        for k in range(n_pages):
            own = 4 + 3 * k
            write(
                own,
                f"<</Type/Page/Parent {tree} 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]"
                f"/Contents {own + 1} 0 R/Resources<</Font<</Plain {font} 0 R>>"
                f"/XObject<</Im0 {own + 2} 0 R>>>>>>".encode(),
            )
            is_pictured = k % pages_a_picture == 0
            content = "\n".join(_page_of_book(k, is_pictured).content).encode("latin-1")
            write(own + 1, _stream("/Filter/FlateDecode", zlib.compress(content)))
            write(own + 2, _picture_of_book(k // pages_a_picture, picture_side * is_pictured or 1))
        kids = " ".join(f"{4 + 3 * k} 0 R" for k in range(n_pages))
        write(tree, f"<</Type/Pages/Kids[{kids}]/Count {n_pages}>>".encode())
        write(catalog, f"<</Type/Catalog/Pages {tree} 0 R>>".encode())
        start = file.tell()
        file.write(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode())
        for _, place in sorted(places.items()):
            file.write(f"{place:010} 00000 n \n".encode())
        trailer = f"<</Size {len(places) + 1}/Root {catalog} 0 R>>"
        file.write(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())
    return path


def _page_of_book(k: int, is_pictured: bool) -> Page:
    page = Page().text(72, 720, f"{k + 1}. What was seen on day {k + 1}", size=16)
    for n in range(20):
        page.text(72, 690 - 12 * n, f"On day {k + 1} gauge {n} of the river stood at {k * n} cm.")
    if is_pictured:
        page.content.append("q 300 0 0 300 72 100 cm /Im0 Do Q")
    return page


def _picture_of_book(k: int, side: int) -> bytes:
    chance = random.Random(k)
    if k % 2:
        image = Image.frombytes("L", (side, side), chance.randbytes(side * side))
        return _image_object(image, jpeg=False, has_mask=False)
    image = Image.frombytes("RGB", (side, side), chance.randbytes(3 * side * side))
    return _image_object(image, jpeg=True, has_mask=False)
