"""``headwater lineage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber, all_option, complete_keys

if TYPE_CHECKING:
    from assets_core.column_lineage import ColumnLineage
    from headwater.report.flow import Walk
    from lineage.trace import Direction

_FORMATS = ("tree", "json", "mermaid", "dot", "openlineage")


@verb(
    "lineage",
    examples=(
        ("headwater lineage marts/kpis:avg_delay", "up to the raw files' columns"),
        ("headwater lineage raw/flights:tailnum --down", "everything that it reaches"),
        ("headwater lineage marts/kpis --direct --format mermaid", ""),
        ("headwater lineage marts/kpis --partition 2013-02", "the slots that this one was made from"),
        ("headwater lineage --sql query.sql --dialect postgres", "any query, no project"),
        ("headwater lineage --sql query.sql --format openlineage", "the column lineage facet of OpenLineage"),
    ),
)
@click.argument(
    "target",
    metavar="ASSET[:COLUMN]",
    shell_complete=complete_keys,
    required=False,
    help="Where to start; all its columns if none.",
)
@click.option("--up", "way", flag_value="up", default=True, help="To the columns that influence it (default).")
@click.option("--down", "way", flag_value="down", help="To the columns that it influences.")
@click.option("--depth", metavar="N", type=WholeNumber(min=1), help="At most so many assets away.")
@click.option("--direct", is_flag=True, help="Only columns whose values reach it, none that only filter, join or sort.")
@click.option("--partition", metavar="K", help="Not columns, but the slots that this one was made from.")
@click.option("--as-of", metavar="T", help="As published at an ISO time, after run:ID, or at the end of a date.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="tree", show_default=True, help="How it is shown."
)
@click.option("--namespace", metavar="NAME", help="Of the tables, in OpenLineage.  [default: the project or dialect]")
@click.option("--sql", "sql_file", metavar="FILE", help="Lineage of a file of SQL, - for standard input; no project.")
@click.option("--dialect", metavar="NAME", help="Dialect of --sql.  [default: duckdb]")
@click.option("--schema", "schema_file", metavar="FILE", help='JSON of known tables: {"table": {"column": "type"}}.')
@all_option
def command(
    call: Call,
    target: str | None,
    way: str,
    depth: int | None,
    direct: bool,
    partition: str | None,
    as_of: str | None,
    form: str,
    namespace: str | None,
    sql_file: str | None,
    dialect: str | None,
    schema_file: str | None,
) -> int:
    """Walk columns up to where they come from, or down.

    Solid branches carry values; dotted ones only decide which rows there are, how they are grouped, or which value
    is chosen.
    """
    call.as_json = call.as_json or form == "json"
    _check_openlineage(form, namespace, whole=way == "up" and depth is None)
    if (target is None) == (sql_file is None):
        raise click.UsageError("name an asset, or a file with --sql", click.get_current_context())
    if sql_file is not None:
        if as_of is not None or way == "down" or depth is not None or partition is not None:
            raise click.UsageError(
                "--as-of, --down, --depth and --partition need an asset", click.get_current_context()
            )
        from headwater.cli.lineage_sql import lineage_of_sql, walks_of_sql, warnings_of

        dialect = dialect or "duckdb"
        found = lineage_of_sql(sql_file, dialect, schema_file)
        if form == "openlineage":
            return _openlineage(call, found, namespace or dialect, [], direct, warnings_of(found))
        return _answer(call, walks_of_sql(found, direct), warnings_of(found), form, frozenset())
    if dialect is not None or schema_file is not None:
        raise click.UsageError("--dialect and --schema go with --sql", click.get_current_context())
    if str(target).endswith(":"):
        raise click.UsageError(f"{target} names no column behind the colon", click.get_current_context())
    if partition is not None:
        if direct:
            raise click.UsageError("--direct is about columns, --partition about slots", click.get_current_context())
        return _slots(call, str(target), partition, as_of, depth, way=way, form=form)
    from headwater.pointers import recorded_key
    from headwater.report.flow import walk_of_trace

    with call.open() as project:
        key, _, column = str(target).partition(":")
        key = recorded_key(project, key)
        if form == "openlineage":
            found = project.lineage(key, as_of).published(column or None)
            return _openlineage(call, found, namespace or project.name, [key] * len(found), direct, ())
        direction: Direction = "down" if way == "down" else "up"
        trace = project.lineage(key, as_of).trace(column or None, direction=direction, depth=depth, direct=direct)
        sources = frozenset(one.key for one in project.graph.sources)
        return _answer(call, [walk_of_trace(trace)], (), form, sources)


def _slots(
    call: Call, target: str, partition: str, as_of: str | None, depth: int | None, *, way: str, form: str
) -> int:
    if way == "down" or form not in ("tree", "json") or ":" in target:
        raise click.UsageError("--partition goes up from an asset, as a tree or as JSON", click.get_current_context())
    from headwater.report.slot_tree import slot_tree_document, slot_tree_text
    from headwater.slot_lineage import slot_lineage

    with call.open() as project:
        tree = slot_lineage(project, target, partition, as_of=as_of, depth=depth)
        call.answer(
            lambda style: slot_tree_text(tree, style, partitions_of=partitions_of(project)),
            lambda: slot_tree_document(tree),
        )
    return 0


def _check_openlineage(form: str, namespace: str | None, *, whole: bool) -> None:
    context = click.get_current_context()
    if form != "openlineage" and namespace is not None:
        raise click.UsageError("--namespace goes with --format openlineage", context)
    if form == "openlineage" and not whole:
        raise click.UsageError("OpenLineage has one asset's own inputs: no --down and no --depth", context)


def _openlineage(
    call: Call, found: list[ColumnLineage], namespace: str, names: list[str], direct: bool, warnings: tuple[str, ...]
) -> int:
    from headwater.report.document import encode
    from lineage.export import openlineage_datasets

    whole = openlineage_datasets(found, namespace, names=names, direct=direct)
    call.answer(lambda style: encode(whole, ascii_only=not style.unicode), lambda: whole, warnings=warnings)
    return 0


def _answer(call: Call, walks: list[Walk], warnings: Any, form: str, sources: frozenset[str]) -> int:
    from headwater.report.diagram import dot, mermaid
    from headwater.report.flow import joined, lineage_document
    from headwater.report.tree import tree_text

    draw = {"mermaid": lambda _: mermaid(joined(walks)), "dot": lambda _: dot(joined(walks))}
    call.answer(
        draw.get(form, lambda style: "\n\n".join(tree_text(walk, style, sources=sources) for walk in walks)),
        lambda: lineage_document(flow for walk in walks for flow in walk.flows),
        warnings=warnings,
    )
    return 0
