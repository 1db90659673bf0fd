"""Tells whether an alternative text, or what a machine says of a picture, says anything at all.

It looks at form, not at truth, and at no dictionary but short lists of the words by which
programs and people name a picture without describing it. A person is believed sooner than a
machine: one word may be meant. Leaves out what a document prints as
a caption or in a figure: that stands as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from enum import StrEnum

MIN_LETTER_SHARE, MIN_READ_SHARE = 0.4, 0.35
"""Letters and digits among the signs of a description, and of what is read in a picture."""
HUMP = re.compile(r"[A-Z]?[a-z]+")
MIN_HUMP_CHARS = 4
"""Of the words in a name such as PaymentService, on average."""
MAX_CHARS = 4_000
"""Of a text that are looked at."""
MIN_LOOP_WORDS = 6
MAX_LOOP_SHARE = 0.6
"""Share of a text that one phrase of three words, again and again, may make up."""
MIN_DISTINCT_SHARE = 0.34
"""Of the words of a short text, how many must differ from one another."""
MAX_SHORT_WORDS = 60
MIN_CODE_CHARS = 24
"""Of a word that is no word of a language if it mixes letters and digits, or capitals."""
MAX_CODE_SHARE = 0.5
MIN_BROKEN_SHARE = 0.1
"""Of the words, with letters decoded wrongly, from which a text is unreadable."""

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
MADE_BY_PROGRAM = re.compile(
    r"""(?:description\ (?:is\ )?(?:automatically\ generated|generated\ with\b.{0,20}?confidence)
    |(?:automatically\ generated|auto-?generated)\ (?:description|alt(?:ernative)?\ text)
    |ai[- ]generated\ content\ may\ be\ incorrect
    |automatisch\ generierte\ beschreibung|beschreibung\ automatisch\ generiert
    |ki-generierte\ inhalte\ können\ fehlerhaft\ sein
    |description\ générée\ automatiquement|descripción\ generada\ automáticamente
    |descrizione\ generata\ automaticamente|descrição\ gerada\ automaticamente
    |automatisch\ gegenereerde\ beschrijving|beschrijving\ automatisch\ gegenereerd
    |автоматически\ созданное\ описание|自動的に生成された説明|自动生成的说明|자동\ 생성된\ 설명
    )(?:\ with\ \w{1,9}(?:\ \w{1,9})?\ confidence)?[ .)\]]{0,3}$""",
    re.IGNORECASE | re.VERBOSE,
)
"""What Office writes behind an alternative text that it made itself."""
NAMES_A_PICTURE = frozenset(
    """image images img dsc dscn dscf picture pictures pic photo photos photograph photography
    figure fig graphic graphics screenshot screenshots screencap capture thumbnail placeholder
    untitled unnamed null none undefined nan unknown todo alt alternative description caption
    title text texts content file attachment bild bilder foto fotos fotografie abbildung grafik
    bildschirmfoto platzhalter bildplatzhalter inhaltsplatzhalter beschreibung
    graphique capture écran gráfico imagen imágenes fotografía captura pantalla imagem imagens
    fotografia immagine immagini afbeelding bilde kuva obrázek obraz zdjęcie рисунок изображение
    картинка фото снимок 图片 图像 照片 截图 屏幕截图 画像 写真 図 スクリーンショット 이미지 사진
    그림 스크린샷 صورة תמונה kép fotoğraf resim""".split()  # noqa: SIM905 - a list would be a page
)
"""Words that name a picture, or the place for its description, and say nothing of it."""
NAMES_A_SHAPE = frozenset(
    (
        "logo",
        "icon",
        "symbol",
        "avatar",
        "banner",
        "button",
        "object",
        "shape",
        "rectangle",
        "textbox",
        "group",
        "drawing",
        "item",
    )
)
"""Of these too, a program gives each its number; without one, a person says something by them."""
SEEN_IN_ANY_PICTURE = NAMES_A_SHAPE | frozenset(
    """word words illustration clipart clip art stock view close closeup background foreground sign
    thing things something hintergrund""".split()  # noqa: SIM905
)
"""What a machine sees wherever it sees nothing."""
NAMES_A_SCREEN = frozenset(
    ("screenshot", "screenshots", "screen", "screencap", "interface", "bildschirmfoto", "capture")
)
SEEN_ON_SCREENS = frozenset(
    """computer computers screen monitor display desktop laptop cell mobile phone
    graphical user interface application app software program email chat message
    social media post""".split()  # noqa: SIM905
)
"""What a machine sees on whatever screenshot."""
NAMES_NOTHING = frozenset(
    """a an the of on in at with and or to by from for as is are was be being has have it its this
    that these there here shows show showing shown contains
    containing see seen add your my insert large small big full
    new first other some same very several many lot top bottom left right front side back over up
    box next black white gray grey color colour colored coloured plain blank empty light dark blurry
    jpg jpeg png gif bmp svg webp tif tiff emf wmf p copy final um at am pm d
    der die das ein eine einer eines einem einen von auf im mit und zu le la les l un une des du de
    et sur dans avec el los las una con en y o do da os as um uma com em e het een van op met en
    i den det ett av och ist zeigt dies dieses diese hier kein keine schwarz
    weiß schwarzen weißen noir blanc negro blanco
    """.split()  # noqa: SIM905
)
"""Words without which a sentence does not do, and those that go with any picture."""
REFUSAL = re.compile(
    r"\W*(?:(?:i['’]?m|i am|we are|we['’]re) (?:\w+ )?(?:sorry|unable|not able)\b"
    r"|sorry, |sorry (?:but )?i\b|my apologies"
    r"|(?:unfortunately,? )?i (?:can(?: ?not|['’]?t)|will not|won['’]?t|do not|don['’]?t)\b"
    r"|as an ai\b|as a (?:large )?language model\b"
    r"|no (?:image|picture|figure) (?:(?:was|is|has been) )?(?:provided|given|attached|visible)"
    r"|the (?:image|picture|figure) (?:was|is|has) not\b"
    r"|(?:please )?(?:provide|upload|attach) (?:the|an) image)",
    re.IGNORECASE,
)
INSTRUCTION = re.compile(
    r"(?:(?:please |briefly )?(?:describe|caption|explain|summari[sz]e) (?:this|the|an?|what)\b"
    r"|(?:an? |the )?(?:image|picture|photo|photograph|chart|graph|figure|caption|answer)s? of:?$"
    r"|(?:question|answer|caption|description|user|assistant|system)\s*:\s*$"
    r"|you are an? \w+)",
    re.IGNORECASE,
)
"""With these, a machine speaks to or of itself. People write so on posters."""
SHAPE_NAME = re.compile(r"google shape;\d+;", re.IGNORECASE)
"""What Google Slides writes where a person wrote nothing."""
MEASURE = re.compile(r"[$€£¥] ?\d|\d ?[%‰°$€£¥]")
"""A number that a person gives for a picture of it."""
ADDRESS = re.compile(r"(?:https?|ftp|file|data|blob|cid|mailto):\S+|www\.\S+", re.IGNORECASE)
FILE_NAME = re.compile(
    r"(?:.*[\\/])?[^\\/]{1,120}\.(?:png|jpe?g|jfif|gif|webp|svg|bmp|tiff?|emf|wmf|heic|avif|ico|pdf"
    r"|eps|psd|ai|pptx?|docx?)",
    re.IGNORECASE,
)
CODED = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_\-{}.]+|[0-9a-fA-F\-{}]+|[A-Za-z0-9+/=]+")
BROKEN = re.compile(
    "�|Ã[\x80-\xbf¡-¿ƒ‚„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|Â[\xa0-\xbf]|ï¿½|[ÐÑ][\x80-\xbf‚ƒ„…µ¾°]"
)
LOOP = re.compile(r"(?<!\S)(\S+(?: \S+){0,15})(?: \1){2,}(?!\S)")
LETTERS_LOOP = re.compile(r"(.{2,12}?)\1{4,}")


class Fault(StrEnum):
    """Why a text says nothing."""

    EMPTY = "empty"
    GENERIC = "generic"
    REPEATED = "repeated"
    NO_LANGUAGE = "no language"
    NAME = "name of a file or address"
    ECHO = "echo of the prompt"


def fault_of(text: str, *, is_guess: bool = False) -> Fault | None:
    """Why a description of a picture says nothing; None if it may be shown and searched.

    text: on one line. is_guess: it is a machine's; of a person's only names of the picture that
    say nothing of it are thrown out. A text in a picture, read by OCR, is no description: see
    `fault_of_lettering`.
    """
    is_guess = is_guess or is_by_program(text)
    text = _start(without_mark(text))
    if not any(map(str.isalnum, text)):
        return Fault.NO_LANGUAGE if text else Fault.EMPTY
    if ADDRESS.fullmatch(text) or FILE_NAME.fullmatch(text):
        return Fault.NAME
    if is_guess and (is_refusal(text) or INSTRUCTION.match(text)):
        return Fault.ECHO
    if _is_repeated(text):
        return Fault.REPEATED
    if _is_generic(text, is_guess=is_guess):
        return Fault.GENERIC
    is_value = not is_guess and MEASURE.search(text)
    if not (is_value or any(map(str.isalpha, text))) or _is_no_language(text, is_read=False):
        return Fault.NO_LANGUAGE
    return None


def is_refusal(text: str) -> bool:
    """Whether a machine says that it will not, or cannot, describe the picture."""
    return REFUSAL.match(text) is not None


def fault_of_lettering(text: str) -> Fault | None:
    """Why what OCR reads in a picture says nothing; numbers, names and lists do say something."""
    text = _start(text)
    if not text:
        return Fault.EMPTY
    if sum(map(str.isalnum, text)) < 2 or _is_no_language(text, is_read=True):
        return Fault.NO_LANGUAGE
    return None


def without_mark(text: str) -> str:
    """The text without the mark by which a program says that it wrote it."""
    found = MADE_BY_PROGRAM.search(text)
    return text[: found.start()].rstrip(" .,;:|([–-") if found else text


def is_by_program(text: str) -> bool:
    """Whether an alternative text says of itself that no person wrote it."""
    return MADE_BY_PROGRAM.search(text) is not None


def _start(text: str) -> str:
    return " ".join(text[: 2 * MAX_CHARS].split())[:MAX_CHARS]


def _is_generic(text: str, *, is_guess: bool) -> bool:
    """Whether it only says that there is a picture, in words that go with any, and numbers."""
    said = [w for part in _words(text.replace("_", " ")) for w in re.split(r"['’]", part)]
    naming = NAMES_A_PICTURE | (SEEN_IN_ANY_PICTURE if is_guess else frozenset())
    untelling = naming | NAMES_NOTHING
    is_screen = not NAMES_A_SCREEN.isdisjoint(said)
    if is_guess and is_screen:
        untelling |= SEEN_ON_SCREENS
    telling = [w for w in said if any(map(str.isalpha, w)) and not _is_numbered(w)]
    names_it = (is_guess and is_screen) or any(w in naming or _is_numbered(w) for w in said)
    is_shape = len(said) == 2 and said[0] in NAMES_A_SHAPE and said[1].isdigit()
    return is_shape or bool(SHAPE_NAME.match(text)) or (names_it and untelling.issuperset(telling))


def _is_numbered(word: str) -> bool:
    """Whether it is a picture's name with its number, "image12" or "IMG0042"."""
    names = NAMES_A_PICTURE | NAMES_A_SHAPE | {"p"}
    return word[-1].isdigit() and word.rstrip("0123456789x") in names


def _is_repeated(text: str) -> bool:
    said = _words(text)
    line = " ".join(said)
    if LOOP.search(line) and len(max(LOOP.finditer(line), key=_length).group()) > len(line) / 3:
        return True
    if LETTERS_LOOP.search(line) and _length(LETTERS_LOOP.search(line)) > len(line) / 2:
        return True
    if len(set(line)) == 1 and len(line) > 2:
        return True
    if len(said) < MIN_LOOP_WORDS:
        return False
    (_, n_most), *_ = Counter(zip(said, said[1:], said[2:], strict=False)).most_common(1)
    is_loop = n_most > 2 and 3 * n_most > MAX_LOOP_SHARE * len(said)
    is_short = len(said) <= MAX_SHORT_WORDS
    return is_loop or (is_short and len(set(said)) < MIN_DISTINCT_SHARE * len(said))


def _length(found: re.Match[str] | None) -> int:
    return len(found.group()) if found else 0


def _is_no_language(text: str, *, is_read: bool) -> bool:
    """is_read: in a picture, where addresses and names in program text say what it shows."""
    least = MIN_READ_SHARE if is_read else MIN_LETTER_SHARE
    signs = [c for c in text if not c.isspace()]
    # Marks are parts of letters in many scripts.
    n_letters = sum(unicodedata.category(c)[0] in "LNM" for c in signs)
    if n_letters < least * len(signs):
        return True
    if len(signs) > 3 and len({c.casefold() for c in signs}) == 1:
        return True
    parts = text.split()
    n_coded = sum(len(p) for p in parts if _is_coded(p) and not (is_read and _is_name(p)))
    if n_coded > MAX_CODE_SHARE * len(signs):
        return True
    return sum(1 for part in parts if BROKEN.search(part)) > MIN_BROKEN_SHARE * len(parts)


def _is_coded(part: str) -> bool:
    """Whether it is a hash, an identifier or encoded bytes rather than a word."""
    if ADDRESS.fullmatch(part):
        return True
    if len(part) < MIN_CODE_CHARS or not CODED.fullmatch(part):
        return False
    has_digit, has_letter = any(map(str.isdigit, part)), any(map(str.isalpha, part))
    is_mixed = part[1:] != part[1:].lower() and part != part.upper()
    return (has_digit and has_letter) or is_mixed


def _is_name(part: str) -> bool:
    """Whether it is an address, or whole words written as one: PaymentService."""
    words = HUMP.findall(part)
    is_words = "".join(words) == part and len(part) >= MIN_HUMP_CHARS * len(words)
    return is_words or ADDRESS.fullmatch(part) is not None


def _words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(text)]
