"""Numbers are shown as Excel shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.number_formats import is_date_format, shown_number, shown_text

ACCOUNTING = '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("number", "code", "shown"),
    [
        (3.14159265358979, "General", "3.141592654"),
        (0.1 + 0.2, "General", "0.3"),
        (123456789012, "General", "123456789012"),
        (1234.5, "#,##0.00", "1,234.50"),
        (2.5, "0", "3"),
        (1234567.891, "#,##0.0##", "1,234,567.891"),
        (0.256, "0%", "26%"),
        (0.256, "0.0%", "25.6%"),
        (1234.5, '"$"#,##0.00_);[Red]("$"#,##0.00)', "$1,234.50"),
        (-5, '"$"#,##0.00_);[Red]("$"#,##0.00)', "($5.00)"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (198905700, ACCOUNTING, "198,905,700"),
        (0, ACCOUNTING, "-"),
        (25.3967, '0.00"°"', "25.40°"),
        (12345678, '#,##0,,"M"', "12M"),
        (5551234, "000-0000", "555-1234"),
        (7, "0000", "0007"),
        (1.25, "# ?/?", "1 1/4"),
        (0.00012, "0.00E+00", "1.20E-04"),
        (50, '[>=100]"big";[<100]"small"', "small"),
        (-0.001, "0.00", "0.00"),
        (38792, "m/d/yyyy", "3/16/2006"),
        (38792, "dddd, mmmm dd, yyyy", "Thursday, March 16, 2006"),
        (38792.5, "yyyy-mm-dd hh:mm", "2006-03-16 12:00"),
        (38792.75, "h:mm AM/PM", "6:00 PM"),
        (1.5, "[h]:mm", "36:00"),
        (90.5 / 86400, "mm:ss.0", "01:30.5"),
    ],
)
def test_a_number_is_shown_as_excel_shows_it(number: float, code: str, shown: str) -> None:
    assert shown_number(number, code) == shown


def test_days_may_count_from_1904() -> None:
    assert shown_number(38792 - 1462, "yyyy-mm-dd", uses_1904=True) == "2006-03-16"


def test_a_text_may_have_a_format_of_its_own() -> None:
    assert shown_text("Paris", '0;-0;0;"City of "@') == "City of Paris"
    assert shown_text("Paris", "0.00") == "Paris"


def test_words_in_quotes_do_not_make_a_date() -> None:
    assert is_date_format("d mmm")
    assert not is_date_format('0 "days"')


@given(
    st.floats(),
    st.one_of(st.text(max_size=60), st.text('0#?.,%;E+-/dmyhs[]"\\@ _*$€:AP', max_size=60)),
)
def test_no_number_and_no_format_does_harm(number: float, code: str) -> None:
    assert isinstance(shown_number(number, code), str)
    assert isinstance(shown_text("text", code), str)
