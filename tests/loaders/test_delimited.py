"""CSV and TSV: any dialect and encoding, in tables that repeat their header."""

from pathlib import Path

import pytest

from loaders.limits import Limits
from tests.loaders.reading import Reading, read


def reread(folder: Path, text: str, name: str = "a.csv", encoding: str = "utf-8") -> Reading:
    (folder / name).write_bytes(text.encode(encoding))
    return read(folder / name, folder)


def rows(found: Reading) -> list[str]:
    return [line for t in found.tables for line in t.page_content.splitlines() if "---" not in line]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_dialect_and_encoding_is_read(tmp_path: Path, sign: str, encoding: str) -> None:
    lines = ["City,Größe,Note", "Köln,12,a", "München,15,b", "Überlingen,1,ç"]
    found = reread(tmp_path, "\r\n".join(lines).replace(",", sign), encoding=encoding)
    shown = [line.replace("\\|", "|") for line in rows(found)]
    assert shown[0] == "| City | Größe | Note |"
    assert shown[2:] == ["| München | 15 | b |", "| Überlingen | 1 | ç |"]


def test_commas_and_line_ends_in_quotation_marks_part_nothing(tmp_path: Path) -> None:
    found = reread(tmp_path, 'name,note\n"Lee, Ann","one\ntwo"\nBo,"say ""so"""\n')
    assert rows(found)[1:] == ["| Lee, Ann | one two |", '| Bo | say "so" |']


def test_decimal_commas_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    found = reread(tmp_path, "Stadt;Preis\nUlm;1,50\nBonn;2,75\nKiel;3,10\n")
    assert rows(found)[1] == "| Ulm | 1,50 |"


def test_a_table_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    assert rows(reread(tmp_path, "1,x\n2,y\n"))[:2] == ["| Column 1 | Column 2 |", "| 1 | x |"]


def test_lines_above_the_table_are_text(tmp_path: Path) -> None:
    found = reread(tmp_path, "Permits by year\n\nyear,permits\nx2004,12\nx2005,15\n")
    assert found.texts == ["Permits by year"]
    assert rows(found)[0] == "| year | permits |"


def test_long_values_are_not_cut(tmp_path: Path) -> None:
    words = " ".join(f"word{n}" for n in range(200))
    found = reread(tmp_path, f"id,review\na,{words}\nb,short\n")
    assert "word199" in found.text
    assert "id: a" in found.text
    assert rows(found)[1] == "| b | short |"


def test_a_large_table_ends_at_the_limit_and_says_so(tmp_path: Path) -> None:
    lines = ["n,square", *(f"r{n},{n * n}" for n in range(3000))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = read(tmp_path / "a.csv", tmp_path, Limits(max_rows=1200))
    assert "| r1199 |" in found.text
    assert "| r1200 |" not in found.text
    assert found.skipped[0].what == "The rows after the first 1,200"
    assert all(t.page_content.startswith("| n | square |") for t in found.tables)


def test_a_quotation_mark_that_is_never_closed_ends_in_text_or_an_error(tmp_path: Path) -> None:
    assert "b" in reread(tmp_path, 'name,note\na,"b\nc,d\n').text


def test_a_tsv_with_commas_is_parted_by_tabs(tmp_path: Path) -> None:
    found = reread(tmp_path, "name\tplaces\nAnn\tUlm, Bonn\nBo\tKiel, Köln\n", "a.tsv")
    assert rows(found)[1] == "| Ann | Ulm, Bonn |"
