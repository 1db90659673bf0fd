from __future__ import annotations

import pytest

from loaders.references import (
    MAX_REFERENCE_CHARS,
    MAX_REFERENCES,
    References,
    label_of,
    labels_in,
)


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("Figure 3: The gauge.", "Figure 3"),
        ("Fig. 3-1. The gauge.", "Figure 3-1"),
        ("FIGURE A–2 | The gauge", "Figure A-2"),
        ("Table IV. Floods", "Table IV"),
        ("Chart 2b", "Chart 2b"),
        ("The gauge in figure 3", None),
        ("Figure it out", None),
        ("", None),
        (None, None),
    ],
)
def test_the_label_is_what_a_caption_begins_with(caption: str | None, label: str | None) -> None:
    assert label_of(caption) == label


def test_the_labels_that_a_text_names_are_written_as_those_of_captions() -> None:
    assert labels_in("See fig. 3 and Tables 1 and 2; figure it out") == [
        "Figure 3",
        "Table 1",
        "Table 2",
    ]


def test_a_sentence_is_found_by_the_number_that_it_names_however_it_is_written() -> None:
    references = References()
    references.add("The river rose. As Fig. 3 shows, it fell again. See also Figures 4 and 5.")
    assert references.to("Figure 3: The gauge.") == ["As Fig. 3 shows, it fell again."]
    assert references.to("Figure 4. The mill.") == ["See also Figures 4 and 5."]
    assert references.to("Table 3. The mill.") == []


def test_the_caption_itself_is_no_reference_and_nothing_is_said_twice() -> None:
    references = References()
    for _ in range(3):
        references.add("Figure 3: The gauge. In figure 3 the gauge stands.")
    assert references.to("Figure 3: The gauge.") == ["In figure 3 the gauge stands."]


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("See also Figures 4 and 5.", "Figure 5. Mill"),
        ("Charts 7–9 tell of rain and snow.", "Chart 8: Snow"),
        ("Figures 20 to 22 show the flood here.", "Figure 21. Flood"),
        ("As shown in Figs. 6a and 6b, the mill stood.", "Fig. 6: Mill"),
        ("Wie Abb. 2 zeigt, stieg der Pegel.", "Abbildung 2: Pegel"),
        ("Äpfel stehen in den Abbildungen 2 und 3.", "Abb. 3 Äpfel"),
        ("Как показано на рис. 5, уровень вырос.", "Рисунок 5. Уровень"),
        ("図3に示すように、売上は増えた。", "図3 売上の推移"),
    ],
)
def test_figures_are_referred_to_in_lists_ranges_parts_and_other_languages(
    text: str, caption: str
) -> None:
    references = References()
    references.add(f"It rained. {text} Then it stopped.")
    assert len(references.to(caption)) == 1
    assert references.to(caption)[0].startswith(text)


def test_a_sentence_that_only_names_the_figure_says_nothing_of_it() -> None:
    references = References()
    references.add("Figure 4; Appendix A\nFigure 4 shows how the river rose in spring.")
    assert references.to("Figure 4: River") == ["Figure 4 shows how the river rose in spring."]


def test_of_an_endless_sentence_the_part_around_the_mention_is_told() -> None:
    references = References()
    references.add("word " * 500 + "as Figure 3 shows the river rose " + "word " * 500)
    (told,) = references.to("Figure 3: River")
    assert "as Figure 3 shows the river rose" in told
    assert len(told) <= MAX_REFERENCE_CHARS


def test_the_number_of_sentences_is_limited() -> None:
    references = References()
    references.add(" ".join(f"Figure 3 shows river number {n} in spring." for n in range(50)))
    assert 2 < len(references.to("Figure 3: River")) <= MAX_REFERENCES
