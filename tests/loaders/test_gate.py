"""What the gate throws out of alternative texts and machine texts, and what it lets through."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.captioning.fusion import FigureWords
from loaders.captioning.gate import (
    Fault,
    fault_of,
    fault_of_lettering,
    is_by_program,
    is_refusal,
    without_mark,
)

CAPTIONS = Path(__file__).parents[3] / "shared" / "corpus" / "captions" / "captions.jsonl"
TRUE = [
    "Bar chart",
    "a map",
    "blue ball",
    "Blank",
    "The Standard Ebooks logo.",
    "A black and white photo of a street in the rain",
    "Ein Balkendiagramm der Umsätze nach Region",
    "Graphique des ventes par région",
    "売上高の推移を示す棒グラフ",
    "한국의 인구 추이",
    "صورة لسد الصين",
    "מרינה הרצליה",
    "График температуры в июле",
    "वर्षा का मानचित्र",
    "長江三峡ダムの写真",
    "E = mc²",
    r"{\displaystyle x^{2}+y^{2}=z^{2}}",
    "SÃO PAULO",
    "New York, New York",
    "Donaudampfschifffahrtsgesellschaft",
    "a screenshot of a settings page",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_true_description_passes_in_any_language(text: str) -> None:
    assert fault_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Explain the process of photosynthesis in leaves",
        "I cannot breathe protest sign",
        "I don't have a plan, says the man",
        "You are a winner: poster of the lottery",
        "System: overview of the pump",
        "No image was given back by the probe",
        "Art",
        "Group photo",
        "Group photo 2",
        "Google logo",
        "Logo",
        "Close-up photo of a sign",
        "screenshot of a computer",
        "42 %",
        "€ 3.50",
    ],
)
def test_what_only_a_machine_would_mean_so_passes_where_a_person_wrote_it(text: str) -> None:
    assert fault_of(text) is None
    assert FigureWords(alt=text).present() == {"alt": text}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("  \n", Fault.EMPTY),
        ("!!! ??? ***", Fault.NO_LANGUAGE),
        ("42", Fault.NO_LANGUAGE),
        ("123e4567-e89b-12d3-a456-426614174000", Fault.NO_LANGUAGE),
        ("iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4", Fault.NO_LANGUAGE),
        ("Ã¤Ã¶Ã¼ â€™ Ã©", Fault.NO_LANGUAGE),
        ("image", Fault.GENERIC),
        ("photo 3", Fault.GENERIC),
        ("Picture 12", Fault.GENERIC),
        ("Group 12", Fault.GENERIC),
        ("TextBox 4", Fault.GENERIC),
        ("IMG_0042", Fault.GENERIC),
        ("DSC_0042", Fault.GENERIC),
        ("my_image", Fault.GENERIC),
        ("a picture of a picture", Fault.GENERIC),
        ("a black and white photo of a black and white photo", Fault.GENERIC),
        ("Screenshot 2024-01-01 at 10.20.30", Fault.GENERIC),
        ("Bildschirmfoto 2024-03-01 um 10.20.30", Fault.GENERIC),
        ("スクリーンショット 2024-01-01", Fault.GENERIC),
        ("Google Shape;123;p14", Fault.GENERIC),
        ("Content Placeholder 3", Fault.GENERIC),
        ("the the the the the the", Fault.REPEATED),
        ("a man in a man in a man in a man in", Fault.REPEATED),
        ("aaaaaaaa", Fault.REPEATED),
        ("image1.png", Fault.NAME),
        ("C:\\Users\\me\\plan of the house.jpg", Fault.NAME),
        ("https://example.org/a/b", Fault.NAME),
        ("data:image/png;base64,iVBORw0KGgo=", Fault.NAME),
    ],
)
def test_what_says_nothing_is_thrown_out_with_its_reason(text: str, fault: Fault) -> None:
    assert fault_of(text) is fault
    assert fault_of(text, is_guess=True) is fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Art", Fault.GENERIC),
        ("a logo", Fault.GENERIC),
        ("a photograph", Fault.GENERIC),
        ("a close up of a sign", Fault.GENERIC),
        ("an image of a white background", Fault.GENERIC),
        ("A screenshot of a computer", Fault.GENERIC),
        ("Graphical user interface, text, application", Fault.GENERIC),
        ("42 %", Fault.NO_LANGUAGE),
        ("Describe the image in one sentence.", Fault.ECHO),
        ("a chart of", Fault.ECHO),
        ("You are a helpful model", Fault.ECHO),
        ("I'm sorry, I can't help with that.", Fault.ECHO),
        ("I cannot see any picture.", Fault.ECHO),
        ("As a language model, I see no pictures.", Fault.ECHO),
        ("a screenshot of a web page", None),
        ("a bar chart with five blue bars", None),
        ("the Google logo", None),
    ],
)
def test_more_is_thrown_out_where_a_machine_says_it(text: str, fault: Fault | None) -> None:
    assert fault_of(text, is_guess=True) is fault
    assert FigureWords(blip=text).rejected() == ({"blip": str(fault)} if fault else {})
    assert fault_of(f"{text} Description automatically generated") is fault


@pytest.mark.parametrize(
    ("said", "is_meant"),
    [
        ("Unfortunately, I can't describe it.", True),
        ("We are sorry, the file is broken.", True),
        ("No picture was attached.", True),
        ("Please upload an image.", True),
        ("A man who says: I'm sorry", False),
        ("I, Claudius: the cover of the book", False),
    ],
)
def test_a_refusal_is_told_by_how_it_begins(said: str, is_meant: bool) -> None:
    assert is_refusal(said) is is_meant


@pytest.mark.parametrize(
    ("alt", "left"),
    [
        ("A blue dam. Description automatically generated", "A blue dam"),
        ("A blue dam, Description automatically generated with medium confidence", "A blue dam"),
        ("Ein Staudamm Automatisch generierte Beschreibung", "Ein Staudamm"),
        ("A blue dam AI-generated content may be incorrect.", "A blue dam"),
    ],
)
def test_the_mark_of_a_program_is_no_part_of_the_text(alt: str, left: str) -> None:
    assert is_by_program(alt)
    assert without_mark(alt) == left
    assert fault_of(alt) is None


def test_a_generic_text_by_a_program_is_thrown_out() -> None:
    alt = "A screenshot of a computer Description automatically generated"
    assert FigureWords(alt=alt).rejected() == {"alt": "generic"}
    assert FigureWords(alt=alt).present() == {}


def test_every_word_that_ocr_reads_passes_but_specks_do_not() -> None:
    for text in ("72,861", "Umsatz 2005", "売上", "if (x[i] != 0) { y += x[i]; }", "Σ α = 3"):
        assert fault_of_lettering(text) is None
    for text in ("★", "M", "● ●", "…", "口"):
        assert fault_of_lettering(text) is Fault.NO_LANGUAGE


@pytest.mark.skipif(not CAPTIONS.exists(), reason="the corpus is not here")
def test_human_captions_pass() -> None:
    lines = CAPTIONS.read_text("utf-8").splitlines()
    captions = [caption for line in lines for caption in json.loads(line)["captions"]]
    assert len(captions) == 200
    assert sum(fault_of(caption) is not None for caption in captions) <= 2


@given(st.text(max_size=400))
def test_any_text_gets_a_verdict_and_white_space_does_not_change_it(text: str) -> None:
    assert fault_of(text) is fault_of(f"  {text}\n")
    assert not text.strip() or fault_of(text) is not Fault.EMPTY or is_by_program(text)


@given(st.sampled_from(TRUE), st.integers(min_value=3, max_value=30))
def test_a_true_text_said_again_and_again_is_thrown_out(text: str, n: int) -> None:
    assert fault_of(" ".join([text] * n)) is not None


@given(st.text(alphabet="!#$%&*+-/<=>@^_|~·•★→", min_size=1, max_size=80))
def test_symbols_without_letters_are_no_language(text: str) -> None:
    assert fault_of(text) in (Fault.NO_LANGUAGE, Fault.NAME)
    assert fault_of_lettering(text) is Fault.NO_LANGUAGE


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["a ", "ab", "1", "\\", "(description ", " x", ". ", "www.a.", "a b c d e f g h i j "]
)
def test_a_text_made_to_take_long_does_not(unit: str) -> None:
    fault_of(unit * 20_000)
    fault_of(unit * 20_000, is_guess=True)
    fault_of_lettering(unit * 20_000)
    FigureWords(alt=unit * 20_000, ocr=unit * 20_000, text=f"{unit}\n" * 20_000).present()


def test_names_and_addresses_in_a_picture_say_what_it_shows_and_codes_do_not() -> None:
    classes = "PaymentTransactionRepository\nOrderEventPublisher\nInvoiceService"
    assert fault_of_lettering(classes) is None
    assert fault_of_lettering("https://example.org/a\nhttps://example.org/b") is None
    assert fault_of_lettering("a8f3e9c0d1b2a8f3e9c0d1b2a8f3e9c0") is Fault.NO_LANGUAGE
    assert fault_of_lettering("aGFzZGZhc2RmQWxrc2RqZkxhc2RqZg") is Fault.NO_LANGUAGE
