"""Pages of the corpus that a person looked at: which hold figures and tables, and where.

A figure is a picture, chart, map, diagram or drawing, and whatever the document itself
captions as a figure, even a listing. Rules, boxes round text, shaded headings, code without
such a caption, blocks of colour, rows of ornaments and scans of text are none. Leaves out
pages on which it is a matter of taste: covers with a logo, pages with a map of where.
"""

from __future__ import annotations

ACL = "2023.acl-long.386.pdf"
EMNLP = "2023.findings-emnlp.248.pdf"
TACL = "tacl_a_00660.pdf"
CEJST = "cejst-technical-support-document.pdf"
PANGA = "usgs_panga_gps_noise_2001.pdf"
NASA = "nasa_earth_book_excerpt.pdf"
USBR = "usbr_ea_06_54_san_joaquin_excerpt.pdf"
ABSTRACT = "statistical_abstract_2001_domestic_trade_excerpt.pdf"
VOC = "usgs_ofr_97_829_voc_methods.pdf"
FINANCE = "Financial Market Analysis Report 2023.pdf"
BENEFITS = "Northwind_Health_Plus_Benefits_Details.pdf"
KIDS = "pdkids.pdf"
COLUMNS = "multicolumn.pdf"

WITHOUT_FIGURES: dict[str, tuple[int, ...]] = {
    # Two columns, code in shaded boxes, prompts and listings in frames, a checklist.
    ACL: (1, 4, 10, 14, 15, 18, 20, 22, 23),
    EMNLP: (2, 4, 5, 11, 14, 16, 18),
    TACL: (1, 5, 14),
    # Contents with dotted leaders, tables with shaded heads, footnotes, nested lists.
    CEJST: (2, 5, 7, 8, 9, 22),
    # Equations, tables between rules, the list of all captions, a page with a number only.
    PANGA: (2, 7, 9, 10, 11),
    # Black blocks, lists in small type.
    NASA: (3, 36, 37, 39),
    # Scanned text, contents, a ruled table, underlined headings.
    USBR: (3, 4, 6, 18, 23),
    ABSTRACT: (1, 4, 7, 9),
    VOC: (3, 6, 18, 24, 33, 41, 60, 82),
    # Slides on a coloured ground.
    FINANCE: (2, 7),
    BENEFITS: (3, 99),
    # Rows of ornaments set in a font of symbols.
    KIDS: (22, 32, 45),
    COLUMNS: (1, 3),
}
"""Document → pages without any figure."""

Sides = tuple[float, float, float, float]
"""x0, y0, x1, y1 in points from the top left of the page as displayed."""

FIGURES: dict[tuple[str, int], tuple[Sides, ...]] = {
    (ACL, 5): ((70, 70, 527, 248), (70, 296, 292, 390)),
    (ACL, 16): ((86, 130, 508, 688),),
    (ACL, 17): ((86, 100, 510, 706),),
    (EMNLP, 9): ((72, 71, 523, 242),),
    (EMNLP, 19): ((73, 147, 524, 660),),
    (PANGA, 15): ((40, 38, 514, 750),),
    (PANGA, 16): ((40, 38, 514, 750),),
    (PANGA, 17): ((26, 240, 612, 762),),
    (PANGA, 20): ((26, 240, 612, 762),),
    (PANGA, 21): ((26, 240, 612, 762),),
    (PANGA, 22): ((26, 240, 612, 762),),
    (PANGA, 24): ((84, 64, 582, 690),),
    **{(NASA, page): ((0, 0, 720, 720),) for page in (5, 7, 11, 15, 17, 27, 33)},
    ("census_housing_units_2005.pdf", 3): ((80, 78, 700, 488),),
    (KIDS, 2): ((139, 239, 291, 411),),
    (KIDS, 11): ((355, 572, 556, 723),),
    (KIDS, 13): ((325, 442, 557, 710),),
    (KIDS, 19): ((424, 160, 556, 359),),
    (KIDS, 33): ((388, 381, 556, 557),),
    (KIDS, 37): ((344, 159, 556, 332),),
    (KIDS, 41): ((397, 59, 556, 188),),
    (KIDS, 47): ((392, 94, 556, 222),),
    (KIDS, 49): ((304, 233, 557, 302),),
    ("pdflatex-image.pdf", 1): ((150, 228, 445, 425),),
    ("google-doc-document.pdf", 1): ((425, 148, 525, 250),),
    ("embedded-png.pdf", 1): ((232, 72, 389, 152),),
    ("balloon_a1b_jp2k.pdf", 1): ((585, 315, 2130, 2400),),
}
"""All figures of pages that no question asks about."""

TABLES: dict[str, dict[int, tuple[int, int]]] = {
    ACL: {6: (1, 1), 8: (2, 2), 12: (0, 0), 14: (0, 0), 18: (0, 0), 23: (0, 0)},
    EMNLP: {5: (1, 1), 7: (2, 2), 11: (0, 0), 14: (2, 2), 16: (0, 0)},
    TACL: {1: (0, 0), 5: (1, 1), 6: (1, 1), 14: (0, 0)},
    CEJST: {2: (0, 0), 6: (1, 1), 7: (1, 1), 8: (1, 1), 9: (1, 1), 10: (1, 1), 22: (0, 0)},
    PANGA: {6: (1, 3), 7: (1, 4), 8: (1, 4), 9: (1, 3), 10: (0, 0), 12: (0, 0), 14: (0, 0)},
    NASA: {3: (0, 1), 36: (1, 1), 37: (1, 2), 38: (1, 2)},
    USBR: {6: (0, 0), 9: (1, 1), 18: (1, 1), 31: (0, 0)},
    ABSTRACT: {1: (0, 0), 4: (1, 1), 5: (2, 2), 6: (2, 2), 7: (2, 2), 8: (1, 1), 10: (1, 1)},
    VOC: {
        3: (0, 0),
        6: (1, 2),
        13: (1, 1),
        18: (1, 1),
        24: (1, 1),
        29: (1, 1),
        33: (1, 1),
        41: (0, 0),
        47: (1, 1),
        56: (0, 0),
        60: (1, 1),
        71: (1, 1),
        82: (1, 1),
    },
    FINANCE: {3: (0, 0), 7: (1, 1)},
    BENEFITS: {3: (0, 0), 99: (0, 0)},
    KIDS: {23: (0, 0)},
    COLUMNS: {1: (0, 0), 3: (1, 1)},
    "google-doc-document.pdf": {1: (1, 1)},
}
"""Document → page → fewest and most tables that a person may count on it."""
