"""Reading files and folders into a library."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from assistant.ingestion import Ingestion, ingest
from loaders import FigureDescriber, Limits, MediaStore
from loaders.loader import Stage
from retrievers import Library, ModelMissing
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.library.close()


def test_a_folder_is_read_with_all_below_it(desk: Desk) -> None:
    desk.write("a.md", "# Oil\n\nOil fell.")
    (desk.documents / "deep").mkdir()
    desk.write("deep/b.txt", "Gold rose.")
    desk.write(".hidden.txt", "not read")
    report = desk.add()
    assert (report.added, report.failed, report.chunks) == (2, [], 2)
    assert {d.title for d in desk.library.documents()} == {"Oil", "b.txt"}


def test_an_unchanged_file_is_skipped_and_a_changed_one_replaced(desk: Desk) -> None:
    path = desk.write("a.txt", "Oil fell.")
    assert desk.add().added == 1
    assert desk.add().unchanged == 1
    path.write_text("Oil rose.")
    report = desk.add()
    assert (report.added, report.updated, report.unchanged) == (0, 1, 0)
    assert [h.document.page_content for h in desk.library.search("Oil")] == ["Oil rose."]


def test_what_was_read_out_of_a_picture_goes_with_the_last_document_that_shows_it(
    desk: Desk,
) -> None:
    class Colour:
        fingerprint = "colour:1"

        def read(self, images: Sequence[Image.Image]) -> list[str]:
            return [f"a field of {image.getpixel((0, 0))}" for image in images]

    for name in ("a.png", "b.png"):
        desk.draw(name, "red")
    desk.add(captioner=Colour())
    (key,) = desk.media.keys()
    desk.draw("a.png", "blue")
    desk.add(captioner=Colour())
    assert desk.readings.known([key], "colour:1") == {key: "a field of (255, 0, 0)"}
    desk.draw("b.png", "blue")
    desk.add(captioner=Colour())
    assert desk.readings.known([key], "colour:1") == {}


def test_one_bad_file_is_reported_and_the_others_are_read(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.write("b.pdf", "no PDF at all")
    desk.write("c.docx", "")
    desk.write("d.xyz.sqlite", "x")
    desk.write("z.txt", "Gold rose.")
    report = desk.add()
    assert report.added >= 2
    reasons = {source.rsplit("/", 1)[-1]: reason for source, reason in report.failed}
    assert {"b.pdf", "c.docx"} <= set(reasons)
    assert "PDF" in reasons["b.pdf"]


def test_nothing_indexed_is_lost_when_a_file_breaks(desk: Desk) -> None:
    path = desk.write("a.txt", "Oil fell.")
    desk.add()
    path.write_bytes(b"")
    report = desk.add()
    assert len(report.failed) == 1
    assert len(desk.library.search("Oil")) == 1


def test_a_missing_path_and_an_empty_folder_are_reported(desk: Desk) -> None:
    reasons = dict(desk.add(desk.documents / "no.pdf", desk.documents).failed)
    assert "is not there" in reasons[f"{desk.documents.as_uri()}/no.pdf"]
    assert "holds no files" in reasons[str(desk.documents)]


def test_a_name_that_is_no_path_and_no_url_is_reported(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    report = desk.add(Path("~no-such-user/x"), note, "http://[")  # type: ignore[arg-type]
    assert report.added == 1
    assert len(report.failed) == 2


def test_a_link_that_leads_out_of_the_folder_is_reported_and_not_followed(desk: Desk) -> None:
    secret = desk.documents.parent / "secret.txt"
    secret.write_text("the password")
    (desk.documents / "link.txt").symlink_to(secret)
    (desk.documents / "nowhere.txt").symlink_to(desk.documents.parent / "nowhere")
    desk.write("a.txt", "Oil fell.")
    report = desk.add()
    assert (report.added, len(report.failed)) == (1, 2)
    assert desk.library.search("password")[0].document.page_content == "Oil fell."


class Absent(WordEmbeddings):
    """Embeddings whose model is not there."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ModelMissing("The model is not on this machine.")


def test_a_missing_model_ends_the_run_and_is_not_called_our_bug(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    media = MediaStore(tmp_path / "media")
    describer = FigureDescriber(media)
    with Library.open(tmp_path / "library", Absent(), create=True) as library:
        ingestion = Ingestion(library=library, media=media, describer=describer, limits=Limits())
        with pytest.raises(ModelMissing):
            ingest([tmp_path / "a.txt"], ingestion)


class Stumbling:
    """A reader with a bug."""

    fingerprint = "stumbling:1"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        raise RuntimeError("off by one")


def test_a_bug_of_ours_costs_one_file_and_is_told_as_ours(desk: Desk) -> None:
    desk.draw("a.png", "red")
    desk.write("b.txt", "Gold rose.")
    report = desk.add(reader=Stumbling())
    assert report.added == 1
    ((_, reason),) = report.failed
    assert "limner itself failed" in reason
    assert "off by one" in reason
    assert list(desk.media.keys()) == []


def test_a_document_that_cannot_be_put_in_costs_no_other_of_its_batch(desk: Desk) -> None:
    for n, colour in enumerate(["red", "green", "blue"]):
        desk.draw(f"{n}.png", colour)
    desk.add()
    for n, colour in enumerate(["cyan", "yellow", "white"]):
        desk.draw(f"{n}.png", colour)
    database = desk.library.folder / "library.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER trip BEFORE UPDATE ON documents WHEN NEW.title = '1.png' "
            "BEGIN SELECT RAISE(ABORT, 'tripped'); END"
        )
    report = desk.add()
    assert (report.added, report.updated) == (0, 2)
    ((source, reason),) = report.failed
    assert source.endswith("1.png")
    assert "tripped" in reason
    assert len(desk.library.documents()) == 3
    assert set(desk.media.keys()) == desk.library.image_keys()


def test_pictures_that_nothing_refers_to_any_more_are_deleted(desk: Desk) -> None:
    desk.draw("a.png", "red")
    desk.add()
    desk.draw("a.png", "blue")
    assert desk.add().updated == 1
    assert set(desk.media.keys()) == desk.library.image_keys()
    assert len(desk.library.image_keys()) == 1


def test_the_library_inside_the_folder_is_not_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write("a.txt", "Oil fell.")
    assert desk.add(tmp_path).added == 1
    desk.library.close()


def test_pictures_come_only_from_below_the_folder_that_was_added(desk: Desk) -> None:
    Image.new("RGB", (80, 60)).save(desk.documents.parent / "private.png")
    desk.write("a.md", "Text.\n\n![mine](../private.png)")
    report = desk.add()
    assert (report.added, report.figures) == (1, 0)
    assert len(report.skipped) == 1


def test_progress_names_each_source_and_how_far_it_is_read(desk: Desk) -> None:
    text = desk.write("a.txt", "Oil fell.")
    desk.draw("b.png", "red")
    desk.add()
    begun = {step.source for step in desk.steps if not step.stage}
    assert begun == {text.as_uri(), (desk.documents / "b.png").as_uri()}
    read = [step.stage for step in desk.steps if step.stage and step.stage.what != "piece"]
    assert read == [Stage("figure", 1, 1)]
    embedded = [step.stage for step in desk.steps if step.stage and step.stage.what == "piece"]
    assert {(stage.n_done, stage.n) for stage in embedded} <= {(0, 1), (0, 2)}
    assert {step.n_sources for step in desk.steps} == {2}


def test_limits_are_those_of_the_run(desk: Desk) -> None:
    desk.write("a.txt", "x" * 100)
    ((_, reason),) = desk.add(limits=Limits(max_bytes=50)).failed
    assert "limit" in reason


def test_a_picture_that_a_failing_file_shares_with_a_good_one_is_kept(desk: Desk) -> None:
    desk.draw("a.png", "red")
    desk.draw("c.png", "blue")
    (desk.documents / "c.png").rename(desk.documents / ".c.png")
    desk.write("b.md", f"![red](a.png)\n\n![blue](.c.png)\n\n{'Oil fell. ' * 100}")
    report = desk.add(limits=Limits(max_text_chars=50))
    assert (report.added, len(report.failed)) == (1, 1)
    assert set(desk.media.keys()) == desk.library.image_keys()
    assert len(desk.library.image_keys()) == 1


INTERRUPTED = """
import sys
from pathlib import Path
from assistant.ingestion import Ingestion, ingest
from loaders import FigureDescriber, Limits, MediaStore
from retrievers import Library
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings

folder = Path(sys.argv[1])
media = MediaStore(folder / "library" / "media")
with Library.open(folder / "library", WordEmbeddings(), create=True) as library:
    def step(progress):
        if progress.n_done:
            raise KeyboardInterrupt
    describer = FigureDescriber(media)
    ingestion = Ingestion(library=library, media=media, describer=describer, limits=Limits())
    report = ingest([folder / "documents"], ingestion, step)
    print(report.added, report.n_unread, len(library.documents()))
"""


def test_an_interrupt_keeps_what_is_done_and_says_what_is_not(desk: Desk, tmp_path: Path) -> None:
    for n in range(30):
        desk.write(f"{n:02}.txt", f"Note {n} tells of oil.")
    desk.library.close()
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    n_added, n_unread, n_documents = map(int, result.stdout.split())
    assert n_added == n_documents >= 1
    assert n_unread == 30 - n_added
