"""Answers of all kinds, for tests of their forms: hostile words, lists, figures, refusals."""

from hypothesis import strategies as st
from langchain_core.documents import Document

from assistant.answer import (
    GOES_ON,
    NOT_IN_LIBRARY,
    PARAGRAPH,
    Answer,
    Sentence,
    Source,
)

BASE = "http://127.0.0.1:8000/media/"
KEY = f"{7:064x}.png"
EVIL = "evil.example"
HOSTILE = (
    f"![x](http://{EVIL}/a.png)",
    f"[click](javascript:alert('{EVIL}'))",
    f'" onerror="fetch(`//{EVIL}`)"><img src=//{EVIL}/x.png>',
    f"</p><script src=//{EVIL}/x.js></script>",
    f"]({EVIL}) ![",
    "\u202egnp.live\u202c and \u2066so",
    "a | b\n|---|---|\n`code` ```",
    f"[1]: http://{EVIL}/\n\n# Heading\n\n    indented",
    f"<http://{EVIL}> www.{EVIL}",
    f"bob@{EVIL}",
    "1. one\n2. two\n- three",
    "nul \x00 bell \x07 half \ud800.",
)
WORDS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet="ab1 .:/@w*_`~[]()<>!#+-=|&;$\\'\"\n\t\u202e", max_size=40),
    st.sampled_from(["Cod rose to 1.5 kt.", "2021. A year.", "“Gulls” stayed."]),
)
PICTURES = st.one_of(
    st.just({}),
    st.integers(0, 3).map(
        lambda n: {"image_key": f"{n:064x}.png", "image_url": f"{BASE}{n:064x}.png"}
    ),
    st.sampled_from(
        [
            {"image_url": f"http://{EVIL}/a.png"},
            {"image_key": "../../etc/passwd", "image_url": f"http://{EVIL}/../../etc/passwd"},
            {"image_key": f"{9:064x}.png", "image_url": "javascript:alert(1)"},
            {"image_key": f"{9:064x}.png", "image_url": f"{BASE}?{9:064x}.png"},
            {"image_key": f"{9:064x}.png", "image_url": f"{BASE}#/{9:064x}.png"},
            {"image_key": f"{9:064x}.png", "image_url": f"{BASE}x{9:064x}.png"},
            {"image_key": f"{9:064x}.png", "image_url": f"http://{EVIL}/a.png?{9:064x}"},
            {"image_key": f'{9:064x}.png" onerror="x', "image_url": f'{BASE}x" onerror="x'},
            {"image_key": f"{9:064x}.png", "image_url": f"data:text/html,{9:064x}.png"},
            {"image_key": 7, "image_url": 7},
        ]
    ),
)
LEADS = st.one_of(
    st.sampled_from([GOES_ON, PARAGRAPH, "\n- "]),
    st.integers(0, 999).map(lambda n: f"\n{n}. "),
)


def figure(**metadata: object) -> Source:
    own = {"image_key": KEY, "image_url": BASE + KEY, "caption": "Cod", "modality": "figure"}
    return Source(1, 0.5, Document("Cod", metadata={"title": "T"} | own | metadata), cited=True)


def answer_with(*sentences: Sentence, source: Source | None = None) -> Answer:
    return Answer("?", sentences, (source or figure(),), True, "m")


@st.composite
def sources(draw: st.DrawFn, n: int) -> Source:
    metadata = {"title": draw(WORDS), "source": draw(WORDS), "modality": "figure"}
    metadata |= draw(st.fixed_dictionaries({}, optional={"caption": WORDS, "page": st.just(3)}))
    metadata |= draw(st.fixed_dictionaries({}, optional={"section": WORDS, "bbox": BOXES}))
    document = Document(draw(WORDS), metadata=metadata | draw(PICTURES))
    return Source(n, draw(st.floats(-1, 1)), document, draw(st.booleans()))


BOXES = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@st.composite
def sentences(draw: st.DrawFn, n_sources: int) -> Sentence:
    numbers = st.lists(st.integers(1, n_sources), max_size=3, unique=True).map(tuple)
    citations = draw(numbers) if n_sources else ()
    return Sentence(
        draw(WORDS),
        citations,
        draw(numbers) if citations else (),
        draw(st.floats(0, 1)),
        bool(citations),
        draw(LEADS),
    )


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer that is grounded, or says that the documents do not say."""
    n_sources = draw(st.integers(0, 4))
    found = tuple(draw(sources(n)) for n in range(1, n_sources + 1))
    is_grounded = draw(st.booleans())
    said = draw(st.lists(sentences(n_sources), min_size=1, max_size=6)) if is_grounded else []
    said = said or [Sentence(NOT_IN_LIBRARY)]
    timings = draw(st.dictionaries(st.sampled_from(["retrieve", "total"]), st.floats(0, 99)))
    asked, understood = draw(WORDS.filter(bool)), draw(st.one_of(st.just(""), WORDS))
    return Answer(asked, tuple(said), found, is_grounded, "m", timings, understood)
