"""Follows the links of the sites of a run, and has their pages read as they come.

Leaves out which links are followed: that is `loaders.site`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.discovery import Wanted
from assistant.reading import Task
from loaders.elements import Skipped
from loaders.site import crawl

if TYPE_CHECKING:
    from assistant.run import Run


@dataclass(frozen=True, slots=True)
class Crawl:
    """The sites of one run, one after the other; left behind where the run ends."""

    run: Run
    sites: Sequence[Wanted]

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self.run.is_crawling = True
        threading.Thread(target=self._crawl, daemon=True).start()

    def _crawl(self) -> None:
        for n, site in enumerate(self.sites):
            error = None
            try:
                self._follow(site, self.run.folder / f"site-{n}")
            except BaseException as raised:  # noqa: BLE001 - it is raised or reported by the run
                error = raised
            self.run.events.put(partial(self._end_site, site, error))
        self.run.events.put(self._end)

    def _follow(self, site: Wanted, folder: Path) -> None:
        """Have the pages of a site read as they come."""
        run = self.run
        folder.mkdir()
        pages = crawl(str(site.source), site.depth, run.limits, folder, on_fetch=self._tell)
        for page in pages:
            run.wait_for_room()
            if isinstance(page, Skipped):
                entry = site.uri, f"{page.what}: {page.reason}"
                run.events.put(partial(run.report.skipped.append, entry))
            elif page.uri in run.order or any(r.excludes(page.uri) for r in site.unwanted):
                page.path.unlink()  # another site has led to it, or a person has taken it out
            else:
                with run.room:
                    run.n_sources += 1
                run.begin(Task(replace(site, uri=page.uri), page))

    def _tell(self, address: str) -> None:
        self.run.events.put(partial(self.run.tell, address, is_fetching=True))

    def _end_site(self, site: Wanted, error: BaseException | None) -> None:
        """Until here a site has counted as a source itself."""
        run = self.run
        if error is None:
            with run.room:
                run.n_sources -= 1
            run.shares.pop(site.uri, None)
            run.strike(site.uri)
            return
        run.reached(site.uri)
        run.fail(site, error)

    def _end(self) -> None:
        self.run.is_crawling = False
