"""A project: the composition root. It opens the parts when they are first used and hands them to the use cases."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assets_core.asset import Asset
from assets_core.column_lineage import ColumnRef
from assets_core.errors import UsageError
from assets_core.graph import Graph
from assets_core.keys import Slot
from assets_core.selection import select as select_keys
from headwater import config, loading
from headwater.config import Settings
from headwater.environment_name import check_name

if TYPE_CHECKING:
    import polars as pl

    from assets_core.check import CheckResult
    from assets_core.plan import Plan
    from assets_core.ports import Reporter, RunResult
    from assets_core.records import RunRecord, StepRecord
    from assets_core.settings import Config
    from assets_core.states import States
    from headwater.accept import Accepted
    from headwater.backfill import Backfill, Estimate
    from headwater.diff import Diff
    from headwater.environments import Changed, Known
    from headwater.partition_keys import KeysChanged
    from headwater.running import Manner
    from headwater.trace import AssetLineage
    from headwater.validate import Validation
    from headwater.withdraw import Withdrawn
    from lineage.audit import AuditReport
    from lineage.catalog.store import Catalog
    from lineage.catalog.values import NamedKey
    from materializers.observe import Scene
    from materializers.tables import Tables

STATE_FOLDER = ".headwater"


class Project:
    """Definitions, settings and one environment. Made by ``Project.load`` or ``Project.of``; a context manager.

    Arguments:
        root: the project's folder.
        settings: headwater.toml, overlaid for the environment.
        graph: the definitions, bound and ordered.
        configs: by asset key, the value of its ``Config``.
    """

    def __init__(
        self, root: Path, name: str, env: str, settings: Settings, graph: Graph, configs: Mapping[str, Config]
    ) -> None:
        self.root = root
        self.name = name
        self.env = env
        self.settings = settings
        self._declared = graph
        self._graph: Graph | None = None
        self.configs = configs
        self.loaded_with: tuple[str, ...] | None = None
        """The settings given to ``load``; None for a project that another process could not load."""
        self.loaded_from: dict[str, str] = {}
        """SHA-256 of headwater.toml and of every module of the project, as ``load`` found them, by path."""
        self._catalog: Catalog | None = None
        self._tables: Tables | None = None
        self._scene: Scene | None = None

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        env: str | None = None,
        set: Iterable[str] = (),  # noqa: A002 -- the option's name
    ) -> Project:
        """Loads the project in a folder.

        Arguments:
            path: the folder with headwater.toml.
            env: the environment; else ``HEADWATER_ENV``, else ``default_env`` of headwater.toml.
            set: settings of configs, as ``KEY:FIELD=VALUE``.

        Raises:
            HeadwaterError: the only thing that is wrong, or a ProjectError with everything that is.
        """
        given = tuple(set)
        try:
            root = Path(path).resolve()
        except FileNotFoundError:
            raise UsageError(
                "HW606", f"{os.fspath(path)} is no folder: the one that this process works in was removed",
                hint="go to another folder, or name the project's whole path: headwater -C DIR",
            ) from None  # fmt: skip
        project = cls(*loading.load(root, env, given))
        project.loaded_with, project.loaded_from = given, loading.digests(project.root)
        return project

    @classmethod
    def of(
        cls,
        definitions: Iterable[Any],
        *,
        path: str | os.PathLike[str] = ".",
        env: str = "dev",
        name: str = "notebook",
        **settings: Any,
    ) -> Project:
        """A project of definitions that are at hand: for notebooks and tests.

        Arguments:
            definitions: assets, multi-assets and sources.
            path: the folder in which its state is kept and relative paths are read.
            settings: what headwater.toml would say, by section: ``storage={"default": {"kind": "duckdb"}}``.
        """
        return cls(*loading.of(definitions, Path(path).resolve(), env, name, settings))

    # -- parts, opened when first used ------------------------------------------------------------------------------

    @property
    def protected(self) -> bool:
        """Whether the environment is protected: reached only by name, changed only on purpose."""
        return self.env in self.settings.env and self.settings.env[self.env].protected

    @property
    def graph(self) -> Graph:
        """The definitions, bound and ordered, with the partition keys that the catalog kept when it was looked at."""
        if self._graph is None:
            from headwater.partition_keys import kept_keys, names_in, with_keys

            names = names_in(self._declared)
            self._graph = with_keys(self._declared, kept_keys(self, names)) if names else self._declared
        return self._graph

    def refresh(self) -> None:
        """Looks anew for partition keys that the catalog keeps; others may have added or retired some."""
        before, self._graph = self._graph, None
        if before is not None and self.graph is not before:
            self._scene = None

    @property
    def has_catalog(self) -> bool:
        """Whether there is a catalog already."""
        if self._catalog is not None:
            return True
        from lineage.catalog.connect import is_there

        return is_there(self.root / self.settings.catalog.path)

    @property
    def catalog(self) -> Catalog:
        """The catalog; made if there is none."""
        if self._catalog is None:
            from lineage.catalog.store import Catalog

            path = self.root / self.settings.catalog.path
            self._catalog = Catalog.open(path, durability=self._durability(self.settings.catalog.durability))
        return self._catalog

    @property
    def tables(self) -> Tables:
        """The storages and sources."""
        if self._tables is None:
            self._tables = self.tables_under(self.settings)
        return self._tables

    def tables_under(self, settings: Settings) -> Tables:
        """The storages as these settings place them, and the sources; whoever asks closes them."""
        from materializers.tables import Tables

        return Tables(
            self.root,
            partial(self._storage_options, settings),
            [*settings.storage, "default"],
            {one.key: one for one in self.graph.sources},
            self.root / STATE_FOLDER / "cache",
        )

    @property
    def scene(self) -> Scene:
        """What facts are gathered from."""
        if self._scene is None:
            from lineage.derive import Derived
            from materializers.observe import Scene

            derived = Derived(self.root, self.catalog.derivation)
            self._scene = Scene(self.graph, self.env, self.catalog, self.tables, derived, self.configs)
        return self._scene

    def _storage_options(self, settings: Settings, name: str) -> Mapping[str, object] | None:
        section = settings.storage.get(name)
        if section is None and name != "default":
            return None
        said = {"kind": "parquet", **({"path": f"{STATE_FOLDER}/data"} if section is None else section)}
        if said["kind"] == "parquet":  # the others are as durable as what they write to
            said["durability"] = self._durability(said.get("durability"))
        options: Mapping[str, object] = config.resolve(said, f"[storage.{name}]")
        return options

    def _durability(self, own: str | None) -> str:
        return own or self.settings.project.durability

    def close(self) -> None:
        """Closes what was opened."""
        if self._tables is not None:
            self._tables.close()
        if self._catalog is not None:
            self._catalog.close()
        self._tables = self._catalog = self._scene = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- use cases --------------------------------------------------------------------------------------------------

    def select(self, text: str = "", *, exclude: str = "", assets_only: bool = True) -> list[str]:
        """The keys that a selection names, in working order; see ``assets_core.selection``."""
        keys = select_keys(text, self.graph, exclude=exclude, states_of=self._states, feeds_of=self._feeds)
        return [key for key in keys if not assets_only or isinstance(self.graph.definitions[key], Asset)]

    def plan(self, select: str = "", *, partition: str | None = None, exclude: str = "", force: bool = False) -> Plan:
        """What ``materialize`` would do now; sources are looked at, nothing is recorded.

        What reads a source that cannot be observed is left out, with a warning.

        Raises:
            RefusedError: HW704, the environment is frozen.
            HeadwaterError: a definition is wrong, or nothing is left to do beside what could not be observed.
        """
        from headwater.use_cases import make_plan

        return make_plan(self, select, partition=partition, exclude=exclude, force=force)

    def status(self, select: str = "", *, exclude: str = "") -> States:
        """The state of every slot of the selected assets, with every reason; in a frozen environment all are held."""
        from headwater.use_cases import status

        return status(self, select, exclude=exclude)

    def materialize(
        self,
        select: str = "",
        *,
        partition: str | None = None,
        exclude: str = "",
        force: bool = False,
        workers: int | None = None,
        executor: str | None = None,
        if_busy: str = "wait",
        fail_fast: bool = False,
        reporter: Reporter | None = None,
        command: str = "",
        reason: str = "",
    ) -> RunResult:
        """Makes exactly the selected slots fresh.

        Arguments:
            select: a selection; everything if empty.
            partition: stay within a partition key or a range ``A..B``.
            force: compute every selected slot, fresh or not.
            workers: attempts at once; what ``[executor]`` says or the place has if not given.
            executor: where attempts run, ``threads``, ``processes`` or ``dask``; what ``[executor]`` says if not given.
            if_busy: what to do about slots that another run is at: ``wait`` until it has ended with them, ``skip``
                them and what reads them; or ``fail``: do not even begin while another run is at work.
            fail_fast: begin nothing more when a step has failed, also what does not depend on it.
            reporter: who is told of the progress.
            command, reason: kept with the run.

        Raises:
            HeadwaterError: nothing was run: an unknown asset, a definition error, an unreadable source, a busy
                environment. What fails in a step is in the result instead.
        """
        from headwater.running import Asked, materialize

        asked = Asked(select, partition, exclude, force)
        return materialize(self, asked, self._manner(workers, executor, if_busy, fail_fast, reporter, command, reason))

    def resume(
        self,
        run_id: str,
        *,
        workers: int | None = None,
        executor: str | None = None,
        if_busy: str = "wait",
        fail_fast: bool = False,
        reporter: Reporter | None = None,
        command: str = "",
        reason: str = "",
    ) -> RunResult:
        """Goes on with a run that did not come to its end: what it was asked for, with the code as it is now.

        A new plan of the same selection, partitions and moment, recorded as a child of that run. What that one
        published is fresh and not computed again.

        Arguments:
            run_id: its id or the beginning of it. The others are those of ``materialize``; without workers and
                executor it goes on with those that the run was given.

        Raises:
            UsageError: HW612, no such run; HW662, it was in another environment; HW668, it computed nothing.
            RefusedError: HW706, it is still at work.
        """
        from headwater.running import resume

        return resume(self, run_id, self._manner(workers, executor, if_busy, fail_fast, reporter, command, reason))

    def cancel(self, run_id: str, *, at_once: bool = False) -> RunRecord:
        """Asks a run that another process carries out to end; it hears that within seconds.

        Arguments:
            run_id: its id or the beginning of it.
            at_once: do not let what is running finish.

        Returns:
            The run; marked as abandoned if its process was gone.

        Raises:
            UsageError: HW612, no such run; HW669, it has ended.
        """
        from headwater.running import cancel

        return cancel(self, run_id, at_once=at_once)

    def _manner(
        self,
        workers: int | None,
        executor: str | None,
        if_busy: str,
        fail_fast: bool,
        reporter: Reporter | None,
        command: str,
        reason: str,
    ) -> Manner:
        from assets_core.ports import IfBusy, Reporter
        from headwater.running import Manner

        if if_busy not in tuple(IfBusy):
            raise UsageError("HW623", f"if_busy={if_busy!r}", hint=f"one of {', '.join(IfBusy)}")
        return Manner(workers, executor, IfBusy(if_busy), fail_fast, reporter or Reporter(), command, reason)

    def plan_backfill(
        self, select: str, asked: Backfill, *, exclude: str = "", force: bool = False
    ) -> tuple[Plan, Estimate]:
        """What ``backfill`` would do now, and what that is likely to cost; nothing is recorded."""
        from headwater.backfill import estimate
        from headwater.use_cases import make_plan

        plan = make_plan(self, select, exclude=exclude, force=force, backfill=asked)
        return plan, estimate(self, plan)

    def backfill(
        self,
        select: str,
        asked: Backfill,
        *,
        exclude: str = "",
        force: bool = False,
        workers: int | None = None,
        executor: str | None = None,
        if_busy: str = "wait",
        fail_fast: bool = False,
        reporter: Reporter | None = None,
        command: str = "",
        reason: str = "",
    ) -> RunResult:
        """Makes many partitions in one run: those of the selected assets in a range that are not fresh.

        Arguments:
            asked: the range, which slots of it, in which order, in batches of what size. The others are those of
                ``materialize``.

        Raises:
            HeadwaterError: as for ``materialize``; HW610, HW611, HW650, HW651 see ``planned_backfill``.
        """
        from headwater.running import Asked, materialize

        wanted = Asked(select, None, exclude, force, backfill=asked)
        return materialize(self, wanted, self._manner(workers, executor, if_busy, fail_fast, reporter, command, reason))

    def validate(self, *, rebuild: bool = True) -> Validation:
        """Definitions only: derives and type-checks the whole graph; touches no data.

        Arguments:
            rebuild: build every plan a second time in another process, to find those that come out differently.
        """
        from headwater.validate import validate

        return validate(self, rebuild=rebuild)

    def preview(self, asset: str, partition: str | None = None) -> pl.DataFrame:
        """What an asset's code gives now on its published inputs; recorded nowhere."""
        from headwater.use_cases import preview

        return preview(self, asset, partition)

    def check(self, select: str = "") -> dict[Slot, tuple[CheckResult, ...]]:
        """Runs checks on published data, computing nothing; the results are recorded."""
        from headwater.use_cases import check

        return check(self, select)

    def scan(self, asset: str, partition: str | None = None, as_of: str | None = None) -> pl.LazyFrame:
        """The published data of an asset or source: one slot, or all of them below each other.

        Arguments:
            as_of: a moment in ISO time, a date meaning its end, or ``run:ID``; now if not given.
        """
        from headwater.use_cases import scan

        return scan(self, asset, partition, as_of)

    def query(
        self,
        asset: str,
        sql: str | None = None,
        *,
        partition: str | None = None,
        as_of: str | None = None,
        head: int | None = 100,
    ) -> pl.DataFrame:
        """The first rows of an asset's published data, or of a query on it; the query calls the table ``data``."""
        from headwater.use_cases import query

        return query(self, asset, sql, partition=partition, as_of=as_of, head=head)

    def lineage(self, asset: str, as_of: str | None = None) -> AssetLineage:
        """The column lineage of an asset, to be walked up and down."""
        from headwater.pointers import recorded_key
        from headwater.trace import AssetLineage

        return AssetLineage(self, recorded_key(self, asset), as_of)

    def diff(
        self,
        before: str | None = None,
        after: str | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
        select: str = "",
        rows: bool | None = None,
        sample: int = 5,
    ) -> Diff:
        """What differs between two materializations, moments or environments; see ``headwater.diff.diff``."""
        from headwater.diff import diff

        return diff(self, before, after, since=since, until=until, select=select, rows=rows, sample=sample)

    def manifest(self, what: str) -> dict[str, Any]:
        """All that is known of one materialization.

        Arguments:
            what: a slot, ``ASSET`` or ``ASSET@PARTITION``, or the id of a materialization.
        """
        from headwater.evidence import manifest_of

        return manifest_of(self, what)

    def verify(self, *, data: bool = True, head: str | None = None) -> AuditReport:
        """Proves from the catalog and the stored data that nothing was altered, lost or invented.

        Arguments:
            data: whether stored data is read and compared too.
            head: the head of the log as somebody noted it earlier, its number and its hash; the log must still pass
                through it.

        Raises:
            UsageError: HW679, the note is none.
        """
        from headwater.evidence import verify

        return verify(self, data=data, head=head)

    def audit_log(self, limit: int = 50, asset: str | None = None) -> list[dict[str, Any]]:
        """The last entries of the catalog's log, newest first."""
        from headwater.evidence import audit_log

        return audit_log(self, limit, asset)

    def runs(self, limit: int = 20) -> list[RunRecord]:
        """The last runs in this environment, newest first."""
        return self.catalog.runs(limit, env=self.env)

    def run(self, run_id: str) -> tuple[RunRecord, list[StepRecord]]:
        """One run and its steps, by its id or the beginning of it.

        Raises:
            UsageError: HW612, no run or several begin like that.
        """
        found = [one for one in self.catalog.runs(-1) if one.id.startswith(run_id)]
        if len(found) != 1:
            hint = "headwater runs lists them" if not found else "give more of its id"
            raise UsageError("HW612", f"{len(found) or 'no'} runs begin with {run_id!r}", hint=hint)
        return found[0], self.catalog.steps(found[0].id)

    # -- partition keys that the catalog keeps ----------------------------------------------------------------------

    def partition_keys(self, what: str | None = None) -> dict[str, list[NamedKey]]:
        """The keys of ``Dynamic`` partitions, retired ones included, as they were last added or retired.

        Arguments:
            what: the name of the definition, or an asset that is partitioned by it; None for all.

        Raises:
            UsageError: HW631, it names no such partitions.
        """
        from headwater.partition_keys import listed

        return listed(self, what)

    def add_partitions(self, what: str, keys: Iterable[str], *, command: str = "", reason: str = "") -> KeysChanged:
        """Adds keys to ``Dynamic`` partitions, in every environment; what is there already stays as it is.

        Arguments:
            what: the name of the definition, or an asset that is partitioned by it.
            command, reason: recorded with who asked.

        Raises:
            UsageError: HW630, a text cannot be a partition key; HW631, it names no such partitions.
        """
        from headwater.partition_keys import add

        return add(self, what, keys, command=command, reason=reason)

    def retire_partitions(self, what: str, keys: Iterable[str], *, command: str = "", reason: str = "") -> KeysChanged:
        """Takes keys out of ``Dynamic`` partitions, in every environment; data of theirs stays and is orphaned.

        Raises:
            UsageError: HW610, there never was such a key; HW631, it names no such partitions.
        """
        from headwater.partition_keys import retire

        return retire(self, what, keys, command=command, reason=reason)

    # -- environments -----------------------------------------------------------------------------------------------

    def environments(self) -> list[Known]:
        """The environments there are: those of headwater.toml, the default one, and those made with ``env create``."""
        from headwater.environments import environments

        return list(environments(self.settings, self.catalog).values())

    def create_environment(
        self, name: str, *, frozen: bool = False, as_of: str | None = None, command: str = "", reason: str = ""
    ) -> Changed:
        """Makes an environment that shows what this one shows; pointers are copied in one transaction, and no data.

        Arguments:
            frozen: nothing but dropping may be done to it from then on.
            as_of: what this one showed at a moment, or at the end of a run.
            command, reason: recorded with who asked.

        Raises:
            UsageError: HW660, there is one of that name; HW661, nothing was published yet at ``as_of``.
        """
        from headwater.environments import create

        check_name(name)
        return create(self, name, frozen=frozen, as_of=as_of, command=command, reason=reason)

    def promotion(self, origin: str) -> Changed:
        """What ``promote`` would do: the pointers that would move here, and those that stay with the reason."""
        from headwater.promote import promotion

        return promotion(self, origin)

    def promote(self, origin: str | Changed, *, force: bool = False, command: str = "", reason: str = "") -> Changed:
        """Lets this environment show what another shows, in one transaction; nothing is computed.

        Moved are the slots whose recorded recipe is the one that would be used here now. Others are named.

        Arguments:
            origin: the other environment, or what ``promotion`` said of it.
            force: overwrite also what changed here since the other was made from this one or last promoted.

        Raises:
            RefusedError: HW705, this environment moved meanwhile; HW703, it moves right now; HW701, a run is at work
                in it; HW704, it is frozen.
        """
        from headwater.promote import promote

        proposal = self.promotion(origin) if isinstance(origin, str) else origin
        return promote(self, proposal, force=force, command=command, reason=reason)

    def rollback(self, to: str, *, dry_run: bool = False, command: str = "", reason: str = "") -> Changed:
        """Shows again what was shown at the end of a run or at a moment, and holds the slots that moved.

        Arguments:
            to: a run's id or the beginning of it, or a moment.

        Raises:
            UsageError: HW661, nothing was published then.
            RefusedError: HW701, a run is at work here; HW704, the environment is frozen.
        """
        from headwater.environments import rollback

        return rollback(self, to, dry_run=dry_run, command=command, reason=reason)

    def release(self, select: str = "", *, command: str = "", reason: str = "") -> Changed:
        """Lets held slots go, so that they are planned again."""
        from headwater.environments import release

        return release(self, select, command=command, reason=reason)

    def drop_environment(self, *, command: str = "", reason: str = "") -> Changed:
        """Shows nothing here any more; records and data stay."""
        from headwater.environments import drop

        return drop(self, command=command, reason=reason)

    def accept(
        self,
        select: str = "",
        *,
        reason: str,
        partition: str | None = None,
        backfill: Backfill | None = None,
        exclude: str = "",
        command: str = "",
        dry_run: bool = False,
    ) -> Accepted:
        """Records that a change of code is not to touch what is published: those slots stay as they are.

        Accepted are slots of which nothing but the code differs; others are named. With any further difference they
        are stale again, and what is made from now on is made by the new code.

        Arguments:
            select: a selection; everything if empty.
            partition: stay within a partition key or a range ``A..B``; or ``backfill``, within its range.
            command, reason: recorded with who asked; a dry run needs neither.

        Raises:
            UsageError: HW676, there is no reason; HW677, nothing selected differs in its code alone.
            RefusedError: HW701, a run is at work here; HW703, a slot moves right now; HW704, the environment is frozen.
        """
        from headwater.accept import accept

        return accept(
            self, select, reason=reason, partition=partition, backfill=backfill, exclude=exclude, command=command,
            dry_run=dry_run,
        )  # fmt: skip

    def withdraw(self, what: str, *, reason: str, command: str = "", dry_run: bool = False) -> Withdrawn:
        """Takes materializations out of use for ever: not published or reused again, and shown nowhere.

        Every environment that shows one goes back to what it showed before, or to nothing.

        Arguments:
            what: ``ASSET``, ``ASSET@PARTITION`` or ``ASSET@A..B`` for what is shown here, or a materialization's id.
        """
        from headwater.withdraw import withdraw

        return withdraw(self, what, reason=reason, command=command, dry_run=dry_run)

    def _states(self) -> dict[str, Collection[str]]:
        states: dict[str, set[str]] = {}
        for slot, verdict in self.status().items():
            states.setdefault(slot.asset, set()).add(str(verdict.state))
        return dict(states)

    def _feeds(self, key: str, column: str) -> Iterable[str]:
        found = self.lineage(key).downstream(column)
        return {one.table if isinstance(one, ColumnRef) else one for one in found}

    def __repr__(self) -> str:
        return f"Project({self.name!r}, env={self.env!r}, {len(self.graph.definitions)} definitions)"
