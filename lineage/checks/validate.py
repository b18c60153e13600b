"""Finding out before anything runs that a check does not fit the columns it is declared on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from assets_core.check import Check
from assets_core.errors import DefinitionError, HeadwaterError, did_you_mean
from lineage.checks.expressions import first_line
from lineage.checks.rules import KINDS, ROW_COUNT, RULES, Setting
from lineage.checks.values import Unusable


def validate_checks(
    checks: Iterable[Check], schema: Mapping[str, pl.DataType], *, where: str = ""
) -> list[HeadwaterError]:
    """All definition errors of these checks, found on an empty table of the schema.

    Arguments:
        schema: the columns of the asset that the checks are declared on.
        where: the place of the declaration, to be named in the errors.

    Returns:
        HW170 for an unknown kind; HW171 for a check that names a missing column, compares what cannot be
        compared, or does not parse.
    """
    setting = Setting(dict(schema))
    empty = pl.DataFrame(schema=setting.schema)
    errors: list[HeadwaterError] = []
    for check in checks:
        if check.kind == ROW_COUNT:
            continue
        rule = RULES.get(check.kind)
        if rule is None:
            hint = did_you_mean(check.kind, KINDS)
            errors.append(DefinitionError("HW170", f"there is no check {check.kind!r}", where=where, hint=hint))
            continue
        try:
            empty.select(rule.breaks(check, setting).sum())
        except Unusable as unusable:
            errors.append(_error(check, where, unusable.why, unusable.hint))
        except pl.exceptions.PolarsError as error:
            errors.append(_error(check, where, first_line(error), ""))
    return errors


def _error(check: Check, where: str, why: str, hint: str) -> HeadwaterError:
    return DefinitionError("HW171", f"check {check.name} cannot be evaluated", where=where, why=why, hint=hint)
