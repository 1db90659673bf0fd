"""What programs for notes add to Markdown."""

from pathlib import Path

import pytest

from tests.loaders.reading import Reading, picture, read, words

# ruff: noqa: E501 (a note and what it says stand side by side)


def reread(folder: Path, text: str, root: Path | None = None) -> Reading:
    (folder / "note.md").write_text(text, "utf-8")
    return read(folder / "note.md", folder, figure_root=root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See [[Engine|the engine]], [[Crew]] and [[Crew#Cook]].", "See the engine, Crew and Crew > Cook."),
        ("A ==bright== x == y == z.", "A bright x == y == z."),
        ("Kept %% not this %%words.", "Kept words."),
        ("> [!warning] Fuel\n> 38 litres.", "Warning: Fuel\n38 litres."),
        ("> [!NOTE]\n> 38 litres.", "Note: 38 litres."),
        ("`[[a]] ==b==` and x[[0]]", "[[a]] ==b== and x[[0]]"),
        ("Mast[^1] and[^1] sail[^u].\n\n[^1]: It is high.\n[^u]: https://a.org", "Mast and sail.\nNote 1: It is high.\nNote u: https://a.org"),
        ("- mast[^1]\n\nLast.\n\n[^1]: High.", "- mast\nNote 1: High.\nLast."),
        ("No mark.\n\n[^1]: High mast.", "No mark.\nNote 1: High mast."),
        ("---\ndate: 2022-08-14\ntags: [a, 'b']\naliases:\n  - Log\nid: 3\n---\n# Top\n\nWords.", "Top\ndate: 2022-08-14; tags: a, b; aliases: Log\nWords."),
    ],
)  # fmt: skip
def test_a_note_says_what_its_program_shows(tmp_path: Path, text: str, said: str) -> None:
    assert reread(tmp_path, text).text == said


@pytest.mark.parametrize("folder", [".", "attachments", "../media", ".."])
def test_an_embedded_picture_is_found_where_notes_put_it(tmp_path: Path, folder: str) -> None:
    notes = tmp_path / "vault" / "notes"
    notes.mkdir(parents=True)
    (notes / folder).mkdir(exist_ok=True)
    (notes / folder / "engine sketch.png").write_bytes(picture())
    (tmp_path / "secret.png").write_bytes(picture(color="blue"))
    found = reread(notes, "![[engine sketch.png|300]] ![[engine sketch.png|Oil]]", notes.parent)
    assert [words(figure) for figure in found.figures] == [{}, {"alt": "Oil"}]
    assert not reread(notes, "Out ![[../../secret.png]]", notes.parent).figures
