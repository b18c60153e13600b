"""The catalog as its users see it: opened once, read from any thread, written by one."""

from __future__ import annotations

import threading
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self

from assets_core.errors import StorageError, UsageError
from lineage.catalog.acceptances import AcceptanceReader
from lineage.catalog.caches import Caches
from lineage.catalog.claims import Claims
from lineage.catalog.connect import DURABILITY, connect, file_at, prepare
from lineage.catalog.environments import EnvironmentReader
from lineage.catalog.faces import Faces
from lineage.catalog.history import LogReader
from lineage.catalog.partition_keys import PartitionKeyReader
from lineage.catalog.reader import Reader
from lineage.catalog.runs import RunReader
from lineage.catalog.shown import ShownReader
from lineage.catalog.writer import Writer


class Catalog:
    """The SQLite store of all records. Open it with ``Catalog.open``; it is a context manager.

    Its methods are those of ``Writer``, ``Reader``, ``ShownReader``, ``EnvironmentReader``, ``LogReader``,
    ``RunReader``, ``PartitionKeyReader``, ``AcceptanceReader``, ``Claims``, ``Faces`` and ``Caches``.
    """

    def __init__(self, path: Path, durability: str) -> None:
        self.path = path
        self._file = file_at(path)
        self._durability = durability
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        writer = Writer(path, self._connection)
        reader = Reader(path, self._connection)
        runs = RunReader(path, self._connection)
        environments = EnvironmentReader(reader.reading)
        shown = ShownReader(reader.reading)
        caches = Caches(path, self._connection)
        claims = Claims(path, self._connection)
        faces = Faces(path, self._connection)

        self.begin_run = writer.begin_run
        self.end_run = writer.end_run
        self.commit = writer.commit
        self.add_check_results = writer.add_check_results
        self.retire = writer.retire
        self.change = writer.change
        self.remember_judged = writer.remember_judged
        self.mark_pruned = writer.mark_pruned
        self.record_keys = writer.record_keys

        self.claim = claims.claim
        self.neighbours = claims.neighbours
        self.beat = claims.beat
        self.ask = claims.ask

        self.faces_behind = faces.faces_behind
        self.note_face = faces.note_face

        self.published = reader.published
        self.glances = shown.glances
        self.standings = shown.standings
        self.alike = shown.alike
        self.codes_shown = shown.codes_shown
        self.stored_of = shown.stored_of
        self.typical = shown.typical
        self.lineages = reader.lineages
        self.materializations = reader.materializations
        self.find_recipes = reader.find_recipes
        self.latest_blocked = reader.latest_blocked
        self.publications = reader.publications
        self.check_results = reader.check_results
        self.checked_later = reader.checked_later
        self.retirements = reader.retirements
        self.entry = reader.entry
        self.code_source = reader.code_source
        self.environments = reader.environments
        self.sequence_at = reader.sequence_at
        self.head = reader.head
        self.began = reader.began
        self.reading = reader.reading
        self.log = LogReader(reader.reading).log

        self.environment_records = environments.environment_records
        self.frozen = environments.frozen
        self.pointers = environments.pointers
        self.held = environments.held
        self.good_before = environments.good_before
        self.shown_by = environments.shown_by
        self.ever_shown = environments.ever_shown
        self.cut_off = environments.cut_off
        self.last_in_step = environments.last_in_step
        self.first_publication = environments.first_publication
        self.end_of = environments.end_of
        acceptances = AcceptanceReader(reader.reading)
        self.accepted = acceptances.accepted
        self.acceptances = acceptances.acceptances
        self.partition_keys = PartitionKeyReader(reader.reading).partition_keys

        self.runs = runs.runs
        self.run = runs.run
        self.live_runs = runs.live_runs
        self.last_beat = runs.last_beat
        self.steps = runs.steps
        self.last_steps = runs.last_steps
        self.typical_seconds = runs.typical_seconds

        self.remember_files = caches.remember_files
        self.offer_file = caches.offer_file
        self.file_digests = caches.file_digests
        self.remember_derivations = caches.remember_derivations
        self.derivation = caches.derivation
        self.add_projection = caches.add_projection
        self.add_projections = caches.add_projections

    @classmethod
    def open(cls, path: Path, *, create: bool = True, durability: str = "full") -> Catalog:
        """Opens the catalog in a file.

        Arguments:
            create: whether to make one where there is none.
            durability: ``full``: what was committed survives a power failure; ``relaxed``: it survives a crash of
                the process, and after a power failure the catalog is whole but may lack the last commits;
                ``none``: for tests.

        Raises:
            StorageError: HW410 it cannot be opened; HW411 it is no catalog; HW412 it is damaged; HW413 a newer
                Headwater made it; HW414 it lies on a network file system.
        """
        if durability not in DURABILITY:
            raise UsageError(
                "HW640", f"{durability!r} is no durability", hint=f"one of {', '.join(map(repr, DURABILITY))}"
            )
        prepare(path, create=create)
        catalog = cls(path, durability)
        with catalog.reading() as connection:  # a page, so that damage shows now and not in the middle of a run
            connection.execute("select count(*) from environment").fetchone()
        return catalog

    def close(self) -> None:
        """Closes every connection; the catalog cannot be used afterwards. May be called twice."""
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self) -> Connection:
        """The connection of the calling thread: threads that shared one would see each other's open transactions."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if self._closed:
            raise StorageError("HW418", "the catalog was closed", where=str(self.path))
        if file_at(self.path) != self._file:
            raise StorageError(
                "HW410",
                "the catalog's file was removed, moved or replaced while it was in use",
                where=str(self.path),
                why="what is recorded in the file that was open is seen by nobody",
                hint="restore it while nothing is at work; then run the command again",
            )
        if connection is None:
            connection = connect(self.path, self._durability)
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection
