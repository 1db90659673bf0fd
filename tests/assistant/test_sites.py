"""Following the links of a site into a library, through `ingest` and through the command."""

import ipaddress
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import run
from assistant.report import Progress
from loaders import Limits, worker_pool
from loaders import site as site_module
from tests.assistant.command_line import IN_WORDS, ROOT, clean_environment
from tests.assistant.desk import Desk
from tests.assistant.web_site import ALLOW_LOOPBACK, Site, served

PAGES = {
    "/": "<h1>Port</h1><p>Built in 1871.</p><a href='cranes'>C</a><a href='gone'>G</a>",
    "/cranes": "<h1>Cranes</h1><p>Two cranes lift forty tonnes.</p><a href='/docks'>D</a>",
    "/docks": "<h1>Docks</h1><p>Three docks are dry.</p>",
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site_module, "SECONDS_BETWEEN_PAGES", 0.0)
    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", True)
    desk = Desk(tmp_path)
    yield desk
    desk.library.close()


def test_the_pages_of_a_site_are_read_as_sources_of_their_own(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    with served(Site(PAGES)) as site:
        report = desk.add(site.url, note, depth=2)
        assert (report.added, report.failed) == (4, [])
        ((source, reason),) = report.skipped
        assert (source, "404" in reason) == (site.url, True)
        again = desk.add(site.url, f"{site.url}/docks", depth=2)
    assert (again.unchanged, again.added) == (3, 0)
    found = {d.source.removeprefix(site.url) for d in desk.library.documents()}
    assert found == {"/", "/cranes", "/docks", note.as_uri()}


def test_progress_tells_of_each_page_that_is_fetched(desk: Desk) -> None:
    with served(Site(PAGES)) as site:
        desk.add(site.url, depth=1)
        fetched = [step.source for step in desk.steps if step.is_fetching]
        assert fetched == [f"{site.url}{path}" for path in ("/", "/cranes", "/gone")]
        desk.steps.clear()
        desk.add(f"{site.url}/docks")
    assert [step.source for step in desk.steps if step.is_fetching] == [f"{site.url}/docks"]
    assert desk.steps[-1].n_sources == 1


def test_pages_are_read_while_others_are_fetched(desk: Desk) -> None:
    pages = {f"/{n}": f"<p>Page {n}.</p><a href='/{n + 1}'>on</a>" for n in range(40)}
    with served(Site(pages, delay_s=0.1)) as site:
        assert desk.add(f"{site.url}/0", depth=20).added == 21
    last_fetched = max(n for n, step in enumerate(desk.steps) if step.is_fetching)
    assert desk.steps[last_fetched].n_done > 0


def test_a_site_whose_first_page_is_gone_is_reported(desk: Desk) -> None:
    with served(Site({})) as site:
        report = desk.add(f"{site.url}/x", desk.write("a.txt", "Oil fell."), depth=1)
    assert report.added == 1
    ((source, reason),) = report.failed
    assert (source, "404" in reason) == (f"{site.url}/x", True)


def test_dead_links_count_towards_the_pages_of_a_site(desk: Desk) -> None:
    links = "".join(f"<a href='/{n}'>x</a>" for n in range(100))
    with served(Site({"/": f"<p>Words.</p>{links}"})) as site:
        report = desk.add(site.url, depth=1, limits=Limits(max_site_pages=10))
        assert len(site.asked) == 10 + len(["robots.txt"])
    assert "10 pages a site" in report.skipped[-1][1]


def test_a_login_opens_all_pages_of_its_host_and_is_kept_nowhere(desk: Desk) -> None:
    pages = dict(PAGES)
    with served(Site({"/": "<p>Other words.</p>"})) as other:
        pages["/"] += f"<a href='{other.url}/'>O</a>"
        with served(Site(pages, login="ann:se%cret")) as site:
            address = site.url.replace("://", "://ann:se%25cret@")
            report = desk.add(address, depth=2)
            refused = desk.add(site.url, depth=2)
        assert not other.asked
    assert (report.added, report.failed) == (3, [])
    assert len(refused.failed) == 1
    told = f"{report} {refused} {desk.steps} {desk.library.documents()}"
    desk.library.close()
    stored = b"".join(p.read_bytes() for p in desk.library.folder.rglob("*") if p.is_file())
    assert "se%" not in told
    assert b"se%" not in stored


def test_what_was_fetched_stays_no_longer_than_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = desk.documents / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(run, "MAX_BEGUN", 1)
    kept: list[int] = []

    class Steps(list[Progress]):
        def append(self, step: Progress) -> None:
            kept.append(len(list(temporary.rglob("page-*"))))

    desk.steps = Steps()
    links = "".join(f"<a href='/{n}'>x</a>" for n in range(12))
    pages = {"/": f"One. {links}", "/more": f"Two. {links}"}
    pages |= {f"/{n}": f"<p>Page {n}.</p>" for n in range(12)}
    with served(Site(pages)) as site:
        # The second site leads to the same pages: they are not read again.
        report = desk.add(site.url, f"{site.url}/more", depth=1)
    assert report.added == 14
    assert 0 < max(kept) <= 4
    assert not list(temporary.iterdir())


def test_single_pages_are_fetched_beside_each_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "n_cores", lambda: 2)
    with served(Site({f"/{n}": f"<p>Page {n}.</p>" for n in range(3)}, delay_s=3.0)) as site:
        assert desk.add(*(f"{site.url}/{n}" for n in range(3))).added == 3
    fetched = [n for n, step in enumerate(desk.steps) if step.is_fetching]
    assert len(fetched) == 3
    # The second is begun before anything is known of the first.
    assert fetched[:2] == [0, 1]


def test_the_share_of_a_site_never_falls(desk: Desk) -> None:
    links = "".join(f"<a href='/{n}'>x</a>" for n in range(15))
    pages = {"/": f"Words. {links}"} | {f"/{n}": f"<p>Page {n}.</p>" for n in range(15)}
    with served(Site(pages, delay_s=0.05)) as site:
        desk.add(site.url, depth=1)
    shares = [step.share for step in desk.steps]
    assert shares == sorted(shares)


# As a command


def command(*arguments: str) -> list[str]:
    script = f"{ALLOW_LOOPBACK}\n{IN_WORDS}\nfrom assistant.cli import main\nmain()"
    return [sys.executable, "-c", script, *arguments]


def test_the_command_follows_links(tmp_path: Path) -> None:
    with served(Site(PAGES)) as site:
        result = subprocess.run(
            command("add", site.url, "--depth", "1", "--json", "--library", str(tmp_path / "lib")),
            capture_output=True,
            text=True,
            timeout=120,
            env=clean_environment(),
            cwd=ROOT,
            check=True,
        )
    assert json.loads(result.stdout)["added"] == 2
    assert "Fetching 127.0.0.1" in result.stderr


def test_an_interrupt_while_links_are_followed_keeps_what_is_done(tmp_path: Path) -> None:
    links = "".join(f"<a href='/{n}'>{n}</a>" for n in range(150))
    pages = {"/": links} | {f"/{n}": f"<p>Page {n}.</p>" for n in range(150)}
    library = str(tmp_path / "lib")
    with (
        served(Site(pages)) as site,
        subprocess.Popen(
            command("add", site.url, "--depth", "1", "--library", library),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
            cwd=ROOT,
        ) as process,
    ):
        assert process.stderr
        while not re.search(r"\([1-9]\d* of", process.stderr.readline()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told, complained = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    n_added = int(re.findall(r"(\d+) added", told)[0])
    assert n_added >= 1
    assert re.search(r"Stopped: [1-9]\d* sources? not read", complained)
    assert "Traceback" not in complained
    assert len(site.asked) < len(pages)
