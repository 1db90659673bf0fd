"""Bringing a library up to date with the files and pages that were added."""

import ipaddress
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from assistant import discovery, uploads
from assistant.moves import is_gone
from loaders import FigureDescriber, Limits
from loaders.formats import load, loader_for
from loaders.source import SourceFile
from loaders.worker_pool import Reading, WorkerPool
from tests.assistant.desk import Desk
from tests.assistant.web_site import Site, served
from tests.assistant.words import WordEmbeddings


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.library.close()


@pytest.fixture(autouse=True)
def counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many files were read and how many texts embedded.

    Files are read in this process: starting another takes longer than these tests.
    """
    n = {"read": 0, "embedded": 0}
    embed = WordEmbeddings.embed_documents

    def count_read(_: WorkerPool, file: SourceFile, *__: object, **___: object) -> Reading:
        n["read"] += 1
        describer = FigureDescriber(desk.media)
        loader = loader_for(file, media=desk.media, describer=describer, limits=Limits())
        documents = list(loader.load_file(file))
        return Reading(documents, loader.title, loader.n_pages, companions=file.companions)

    def count_embedded(embeddings: WordEmbeddings, texts: list[str]) -> list[list[float]]:
        n["embedded"] += len(texts)
        return embed(embeddings, texts)

    monkeypatch.setattr(WorkerPool, "read", count_read)
    monkeypatch.setattr(WordEmbeddings, "embed_documents", count_embedded)
    return n


def names(desk: Desk) -> set[str]:
    return {source.rsplit("/", 1)[-1] for source in desk.library.sources()}


def outcomes(report: object) -> set[tuple[str, str]]:
    return {(o.what, o.source.rsplit("/", 1)[-1]) for o in report.outcomes}  # type: ignore[attr-defined]


# New, changed, deleted


def test_what_is_new_changed_and_deleted_in_a_folder_is_followed(desk: Desk) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        desk.write(name, f"{name} tells of oil.")
    desk.add()
    desk.write("a.txt", "Gold rose.")
    (desk.documents / "b.txt").unlink()
    desk.write("d.txt", "Tin fell.")
    report = desk.sync()
    assert outcomes(report) == {("updated", "a.txt"), ("removed", "b.txt"), ("added", "d.txt")}
    assert (report.added, report.updated, report.unchanged, report.removed) == (1, 1, 1, 1)
    assert names(desk) == {"a.txt", "c.txt", "d.txt"}
    again = desk.sync()
    assert (again.unchanged, again.outcomes, again.failed) == (3, [], [])


def test_the_last_file_of_a_folder_may_be_deleted_too(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.").touch()
    desk.add()
    (desk.documents / "a.txt").unlink()
    assert desk.sync().removed == 1
    desk.write("b.txt", "Gold rose.")
    assert desk.sync().added == 1


def test_the_pictures_of_a_deleted_file_go_with_it(desk: Desk) -> None:
    desk.draw("a.png", "red")
    desk.add()
    (desk.documents / "a.png").unlink()
    assert desk.sync().removed == 1
    assert not list(desk.media.keys())


def test_a_single_file_that_is_gone_is_removed_and_forgotten(desk: Desk) -> None:
    desk.write("other.txt", "Tin fell.")
    note = desk.write("a.txt", "Oil fell.")
    desk.add(note)
    note.unlink()
    assert desk.sync().removed == 1
    assert desk.library.roots.all() == []
    assert names(desk) == set()


def test_nothing_is_known_of_a_path_that_was_mistyped(desk: Desk) -> None:
    desk.add(desk.documents / "typo.txt")
    assert desk.library.roots.all() == []
    assert desk.sync().failed == []


# What cannot be looked at


def test_a_root_that_is_gone_removes_nothing_and_says_what_to_do(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    desk.documents.rename(desk.documents.with_name("elsewhere"))
    report = desk.sync()
    assert report.removed == 0
    ((source, reason),) = report.failed
    assert source == desk.documents.as_uri()
    assert f"limner remove {desk.documents}" in reason
    assert "1 document," in reason
    assert names(desk) == {"a.txt"}


def test_a_drive_that_is_not_mounted_removes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.txt", "Oil fell.")
    note = desk.write("b.txt", "Gold rose.")
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == desk.documents)
    desk.add()
    desk.add(note)
    # Where a drive was mounted an empty folder stays, but for what file managers put there.
    for path in desk.documents.iterdir():
        path.unlink()
    desk.write(".DS_Store", "Places of icons.")
    monkeypatch.setattr(os.path, "ismount", lambda path: False)
    report = desk.sync()
    assert report.removed == 0
    assert all(f"no drive is mounted at {desk.documents}" in reason for _, reason in report.failed)
    assert len(report.failed) == 2
    assert names(desk) == {"a.txt", "b.txt"}


@pytest.mark.parametrize("is_seen_by", ["add", "sync"])
@pytest.mark.parametrize("mount_point_stays", [True, False])
def test_a_drive_below_an_added_folder_that_is_not_mounted_removes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_seen_by: str, mount_point_stays: bool
) -> None:
    drive = desk.documents / "Backup drive"
    drive.mkdir()
    desk.write("a.txt", "Oil fell.")
    if is_seen_by == "sync":
        desk.add()
    desk.write("Backup drive/b.txt", "Gold rose.")
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == drive)
    desk.sync() if is_seen_by == "sync" else desk.add()
    monkeypatch.setattr(os.path, "ismount", lambda path: False)
    (drive / "b.txt").unlink()
    (desk.documents / "a.txt").unlink()
    if not mount_point_stays:
        drive.rmdir()
    desk.write("c.txt", "Silver is as before.")
    desk.add()  # what was noted of the drive stays noted
    report = desk.sync()
    assert report.removed == 1
    ((_, reason),) = report.failed
    assert f"no drive is mounted at {drive}" in reason
    assert names(desk) == {"b.txt", "c.txt"}
    # Once another folder has its place, what is not in that was deleted.
    desk.write("Backup drive/d.txt", "Copper.") if mount_point_stays else None
    assert desk.sync().removed == mount_point_stays


def test_a_file_that_cannot_be_read_any_more_keeps_its_old_version(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    desk.add()
    note.write_bytes(b"")
    report = desk.sync()
    assert len(report.failed) == 1
    assert [h.document.page_content for h in desk.library.search("Oil")] == ["Oil fell."]


def test_what_may_not_be_looked_at_is_not_taken_for_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = desk.write("a.txt", "Oil fell.")

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "lstat", refuse)
    assert not is_gone(note.as_uri())
    monkeypatch.undo()
    note.unlink()
    assert is_gone(note.as_uri())


def test_a_folder_that_may_not_be_looked_through_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.txt", "Oil fell.")
    (desk.documents / "shut").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = desk.add()
    assert report.added == 1
    ((source, reason),) = report.failed
    assert source.endswith("/shut")
    assert "Check its rights" in reason


# Taken out by a person


def test_what_a_person_removed_does_not_come_back_until_it_is_added_again(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    desk.write("b.txt", "Gold rose.")
    desk.add()
    desk.library.remove(note.as_uri())
    assert desk.sync().outcomes == []
    note.write_text("Oil rose.")
    assert desk.sync().outcomes == []
    assert desk.add().added == 1
    note.write_text("Oil stands.")
    assert desk.sync().updated == 1


def test_removing_everything_below_a_root_forgets_it(desk: Desk) -> None:
    for name in ("a.txt", "b.txt"):
        desk.write(name, f"{name} tells of oil.")
    desk.add()
    for source in desk.library.sources():
        desk.library.remove(source)
    assert desk.library.roots.all() == []
    assert desk.sync().outcomes == []


def test_uploads_are_read_again_but_never_removed_by_a_sync(desk: Desk) -> None:
    stored = uploads.store(desk.library.folder, "a.txt", b"Oil fell.")
    assert desk.sync().added == 1
    assert desk.sync().unchanged == 1
    stored.unlink()
    report = desk.sync()
    assert (report.removed, report.failed) == (0, [])
    assert names(desk) == {"a.txt"}


# Moved, renamed, copied


def chunk_ids(desk: Desk, path: Path) -> list[str]:
    return [d.metadata["chunk_id"] for d in desk.library.evidence(path.as_uri())]


@pytest.mark.parametrize("again", ["sync", "add"])
def test_a_renamed_file_is_neither_read_nor_embedded_again(
    desk: Desk, counted: dict[str, int], again: str
) -> None:
    old = desk.write("old.md", "# Oil\n\nOil fell.\n\n## Gold\n\nGold rose.")
    desk.add(collections=["metals"])
    (before,) = desk.library.documents()
    counted.update(read=0, embedded=0)
    new = old.rename(desk.documents / "new.md")
    report = getattr(desk, again)()
    assert (report.moved, report.added, report.removed, report.updated) == (1, 0, 0, 0)
    assert [(o.what, o.before) for o in report.outcomes] == [("moved", old.as_uri())]
    assert counted == {"read": 0, "embedded": 0}
    (after,) = desk.library.documents()
    assert (after.source, after.title) == (new.as_uri(), "Oil")
    assert (after.collections, after.added_at) == (("metals",), before.added_at)
    assert chunk_ids(desk, new) == [d.metadata["chunk_id"] for d in load(new)]
    assert desk.library.search("Gold")[0].document.metadata["source"] == new.as_uri()
    assert getattr(desk, again)().unchanged == 1


def test_a_title_that_was_the_name_of_the_file_is_renamed_with_it(desk: Desk) -> None:
    old = desk.write("old.txt", "Oil fell.")
    desk.add()
    old.rename(desk.documents / "new.txt")
    assert desk.sync().moved == 1
    assert [d.title for d in desk.library.documents()] == ["new.txt"]


def test_a_folder_that_was_renamed_is_known_where_it_is_added(
    desk: Desk, counted: dict[str, int]
) -> None:
    for n in range(3):
        desk.write(f"{n}.txt", f"Gauge {n} stands at the ford.")
    desk.add()
    counted.update(read=0, embedded=0)
    elsewhere = desk.documents.rename(desk.documents.with_name("elsewhere"))
    report = desk.add(elsewhere)
    assert (report.moved, report.added) == (3, 0)
    assert counted == {"read": 0, "embedded": 0}
    assert desk.sync().failed == []  # the old place is forgotten
    assert [root.source for root in desk.library.roots.all()] == [elsewhere.as_uri()]


def test_a_copy_is_a_document_of_its_own_and_costs_nothing(
    desk: Desk, counted: dict[str, int]
) -> None:
    note = desk.write("a.txt", "Oil fell.")
    desk.add()
    counted.update(read=0, embedded=0)
    for name in ("b.txt", "c.txt"):
        shutil.copy(note, desk.documents / name)
    report = desk.sync()
    assert (report.added, report.moved) == (2, 0)
    assert counted == {"read": 0, "embedded": 0}
    assert names(desk) == {"a.txt", "b.txt", "c.txt"}


def test_of_two_copies_of_a_file_that_is_gone_one_is_it_and_one_is_new(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    desk.add()
    for name in ("b.txt", "c.txt"):
        shutil.copy(note, desk.documents / name)
    note.unlink()
    report = desk.sync()
    assert (report.added, report.moved, report.removed) == (1, 1, 0)
    assert names(desk) == {"b.txt", "c.txt"}


def test_two_files_that_changed_places_are_told_apart(desk: Desk) -> None:
    a, b = desk.write("a.txt", "Oil fell."), desk.write("b.txt", "Gold rose.")
    desk.add()
    a.rename(desk.documents / "c")
    b.rename(a)
    (desk.documents / "c").rename(b)
    assert desk.sync().updated == 2
    assert [d.page_content for d in desk.library.evidence(a.as_uri())] == ["Gold rose."]
    assert [d.page_content for d in desk.library.evidence(b.as_uri())] == ["Oil fell."]


def test_a_file_of_another_kind_now_is_read_anew(desk: Desk, counted: dict[str, int]) -> None:
    note = desk.write("a.txt", "# Oil\n\nOil fell.")
    desk.add()
    counted.update(read=0)
    note.rename(desk.documents / "a.md")
    assert desk.sync().moved == 1
    assert counted["read"] == 1
    assert [d.title for d in desk.library.documents()] == ["Oil"]


def test_a_changed_document_has_only_its_changed_chunks_embedded(
    desk: Desk, counted: dict[str, int]
) -> None:
    parts = [f"# Part {n}\n\nGauge {n} stands at the ford." for n in range(6)]
    note = desk.write("a.md", "\n\n".join(parts))
    desk.add()
    assert counted["embedded"] == 6
    parts[3] += " It is broken."
    note.write_text("\n\n".join(parts))
    assert desk.sync().updated == 1
    assert counted["embedded"] == 7


# The files beside a document


@pytest.fixture
def shown(desk: Desk) -> Path:
    """A note that shows a picture which lies in a hidden folder beside it."""
    pictures = desk.documents / ".pictures"
    pictures.mkdir()
    Image.new("RGB", (80, 60), "red").save(pictures / "a.png")
    return desk.write("a.md", "# Oil\n\nOil fell.\n\n![A chart](.pictures/a.png)")


def keys(desk: Desk, note: Path) -> list[str]:
    evidence = desk.library.evidence(note.as_uri())
    return [d.metadata["image_key"] for d in evidence if "image_key" in d.metadata]


@pytest.mark.parametrize("again", ["sync", "add"])
def test_a_changed_picture_beside_an_unchanged_note_is_noticed(
    desk: Desk, shown: Path, again: str
) -> None:
    desk.add()
    (before,) = keys(desk, shown)
    assert getattr(desk, again)().unchanged == 1
    Image.new("RGB", (80, 60), "blue").save(shown.parent / ".pictures" / "a.png")
    assert getattr(desk, again)().updated == 1
    (after,) = keys(desk, shown)
    assert after != before


def test_a_picture_that_comes_and_one_that_goes_are_noticed(desk: Desk, shown: Path) -> None:
    picture = shown.parent / ".pictures" / "a.png"
    content = picture.read_bytes()
    picture.unlink()
    desk.add()
    assert keys(desk, shown) == []
    picture.write_bytes(content)
    assert desk.sync().updated == 1
    assert len(keys(desk, shown)) == 1
    picture.unlink()
    assert desk.sync().updated == 1
    assert keys(desk, shown) == []


def test_a_note_that_is_moved_with_its_pictures_keeps_them(
    desk: Desk, shown: Path, counted: dict[str, int]
) -> None:
    desk.add()
    before = keys(desk, shown)
    counted.update(read=0)
    (desk.documents / "deep").mkdir()
    (shown.parent / ".pictures").rename(desk.documents / "deep" / ".pictures")
    moved = shown.rename(desk.documents / "deep" / "a.md")
    assert desk.sync().moved == 1
    assert counted["read"] == 0
    assert keys(desk, moved) == before
    assert set(desk.media.keys()) == desk.library.image_keys()


def test_a_note_that_is_moved_away_from_its_pictures_is_read_anew(
    desk: Desk, shown: Path, counted: dict[str, int]
) -> None:
    page = desk.write("a.html", "<p>Oil fell.</p><img src='.pictures/a.png' alt='A chart'>")
    shown.unlink()
    desk.add()
    assert len(keys(desk, page)) == 1
    counted.update(read=0)
    (desk.documents / "deep").mkdir()
    moved = page.rename(desk.documents / "deep" / "a.html")
    assert desk.sync().moved == 1
    assert counted["read"] == 1
    assert keys(desk, moved) == []


def test_a_library_of_another_has_no_file_looked_at_outside_the_folder(
    desk: Desk, shown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add()
    secret = desk.documents.parent / "secret"
    secret.write_text("x")
    known = desk.library.fingerprint(shown.as_uri())
    assert known
    line, _, _ = known.partition("\n")
    with desk.library._database.writing() as connection:
        connection.execute(
            "UPDATE documents SET fingerprint = ?", (f'{line}\n{{"../secret": "0"}}',)
        )
    opened: list[Path] = []
    open_path = Path.open

    def note(path: Path, *arguments: object, **options: object) -> object:
        opened.append(path)
        return open_path(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", note)
    assert desk.sync().updated == 1
    assert secret not in opened


# Pages


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", True)


@pytest.mark.usefixtures("public")
def test_a_page_is_fetched_again_and_stays_where_it_cannot_be(desk: Desk) -> None:
    pages = {"/a": "<p>Oil fell.</p>"}
    with served(Site(pages)) as site:
        desk.add(f"{site.url}/a")
        pages["/a"] = "<p>Oil rose.</p>"
        assert desk.sync().updated == 1
        del pages["/a"]
        report = desk.sync()
    assert (report.removed, len(report.failed)) == (0, 1)
    assert [h.document.page_content for h in desk.library.search("Oil")] == ["Oil rose."]


@pytest.mark.usefixtures("public")
def test_a_site_is_followed_again_without_what_was_taken_out(desk: Desk) -> None:
    pages = {"/": "<p>Port.</p><a href='/a'>a</a><a href='/b'>b</a>", "/a": "<p>A</p>"}
    with served(Site(pages)) as site:
        desk.add(f"{site.url}/", depth=1)
        desk.library.remove(f"{site.url}/a")
        pages["/b"] = "<p>Berths.</p>"
        report = desk.sync()
        assert outcomes(report) == {("added", "b")}
        assert report.unchanged == 1


@pytest.mark.usefixtures("public")
def test_an_address_that_needs_its_login_again_says_so(desk: Desk) -> None:
    with served(Site({"/a": "<p>Oil fell.</p>"}, login="ann:secret")) as site:
        assert desk.add(f"{site.url.replace('://', '://ann:secret@')}/a").added == 1
        ((_, reason),) = desk.sync().failed
    assert "added with a login" in reason
    assert b"secret" not in (desk.library.folder / "library.sqlite").read_bytes()


# How it was added


def test_new_files_are_read_as_the_folder_was_added(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add(collections=["metals"])
    desk.write("b.txt", "Gold rose.")
    desk.sync()
    assert desk.library.collections() == {"metals": 2}


def test_unchanged_files_join_the_collection_that_they_are_added_to(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    assert desk.add(collections=["metals"]).unchanged == 1
    assert desk.library.collections() == {"metals": 1}
    desk.add(collections=["oil"])
    assert desk.library.roots.all()[0].collections == ("metals", "oil")


def test_the_time_of_a_file_is_that_of_its_document(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    os.utime(note, (1_000_000_000, 1_000_000_000))
    desk.add()
    assert desk.library.documents()[0].dated_at == "2001-09-09T01:46:40+00:00"


def test_only_what_changed_is_looked_at_where_that_is_known(desk: Desk) -> None:
    for name in ("a.txt", "b.txt"):
        desk.write(name, f"{name} tells of oil.")
    desk.add()
    for name in ("a.txt", "b.txt"):
        desk.write(name, "Gold rose.")
    report = desk.sync(only=[desk.documents / "a.txt"])
    assert outcomes(report) == {("updated", "a.txt")}


def test_nothing_is_looked_at_beside_what_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("deep", "deeper", ".hidden"):
        (desk.documents / place).mkdir()
        desk.write(f"{place}/a.txt", f"{place} tells of oil.")
    desk.add()
    looked_at: list[str] = []
    scandir, lstat = os.scandir, os.lstat
    below = len(str(desk.documents))

    def note(path: object) -> None:
        if str(path).startswith(f"{desk.documents}/"):
            looked_at.append(str(path)[below + 1 :])

    monkeypatch.setattr(os, "scandir", lambda path: (note(path), scandir(path))[1])
    monkeypatch.setattr("assistant.moves.os.lstat", lambda path: (note(path), lstat(path))[1])
    desk.write("deep/a.txt", "Gold rose.")
    desk.write("deep/new.txt", "Tin fell.")
    desk.write(".hidden/a.txt", "Tin fell.")
    only = [desk.documents / "deep", desk.documents / ".hidden" / "a.txt", desk.documents / "no.md"]
    assert outcomes(desk.sync(only=only)) == {("updated", "a.txt"), ("added", "new.txt")}
    assert looked_at
    assert not [path for path in looked_at if "deeper" in path]


def test_a_folder_that_was_deleted_is_found_by_its_path_alone(desk: Desk) -> None:
    (desk.documents / "deep").mkdir()
    for name in ("deep/a.txt", "deep/b.txt", "left.txt"):
        desk.write(name, f"{name} tells of oil.")
    desk.add()
    shutil.rmtree(desk.documents / "deep")
    (desk.documents / "left.txt").unlink()
    report = desk.sync(only=[desk.documents / "deep"])
    assert outcomes(report) == {("removed", "a.txt"), ("removed", "b.txt")}


def test_what_changed_behind_a_link_to_a_folder_is_no_document(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("Secret.")
    (desk.documents / "link").symlink_to(outside)
    for place in ("link", "link/b.txt"):
        report = desk.sync(only=[desk.documents / place])
        assert (report.outcomes, report.failed) == ([], [])


def test_a_note_is_looked_at_where_its_picture_changed(desk: Desk, shown: Path) -> None:
    desk.add()
    picture = shown.parent / ".pictures" / "a.png"
    Image.new("RGB", (80, 60), "blue").save(picture)
    assert outcomes(desk.sync(only=[picture])) == {("updated", "a.md")}


def test_no_worker_is_started_where_nothing_has_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        desk.write(f"{n}.txt", f"Gauge {n}.")
    desk.add()

    def refuse(*_: object, **__: object) -> Sequence[float]:
        raise AssertionError("nothing is to be read or embedded")

    monkeypatch.setattr(WorkerPool, "read", refuse)
    monkeypatch.setattr(WordEmbeddings, "embed_documents", refuse)
    assert desk.add().unchanged == 20
    assert desk.sync().unchanged == 20


def test_a_file_outside_of_all_folders_keeps_to_its_own_pictures(desk: Desk) -> None:
    Image.new("RGB", (80, 60)).save(desk.documents / "private.png")
    (desk.documents / "deep").mkdir()
    note = desk.write("deep/a.md", "Text.\n\n![mine](../private.png)")
    assert desk.add(note).figures == 0
    # Of a folder that was added, all pictures may be shown by what is in it.
    desk.add()
    assert len(keys(desk, note)) == 1
    assert desk.add(note, limits=Limits()).unchanged == 1
    assert discovery.is_there(desk.library.roots.all()[0])
