"""What renamed assets would compute under their former names, so that records from before a rename compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assets_core.facts import Facts
from assets_core.records import Materialization
from assets_core.renames import former_names
from assets_core.versions import CodeVersion
from lineage.catalog.store import Catalog
from lineage.derive import Derived
from lineage.derive_former import former_code

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


class FormerCode:
    """Finds the code version of an asset now under the names of then; each once, however many slots."""

    def __init__(self, catalog: Catalog, derived: Derived, configs: Mapping[str, Config], facts: Facts) -> None:
        self._catalog = catalog
        self._derived = derived
        self._configs = configs
        self._facts = facts
        self._found: dict[tuple[object, ...], CodeVersion | None] = {}

    def __call__(self, key: str, made: Materialization) -> CodeVersion | None:
        """See ``Facts.former_code``."""
        recipe, facts = made.recipe, self._facts
        if recipe is None:
            return None
        names = former_names(recipe, facts.graph.inputs[key], facts.renames)
        if not names and recipe.asset == key:
            return None
        known = (key, recipe.asset, tuple(sorted(names.items())), recipe.code)
        if known not in self._found:
            keys = {one.name: one.asset for one in recipe.inputs}
            inputs = [
                (bound._replace(key=keys.get(names.get(bound.name, bound.name), bound.key)), facts.schema(bound.key))
                for bound in facts.graph.inputs[key]
            ]
            self._found[known] = former_code(
                facts.graph.asset(key), recipe.asset, inputs, names, self._configs.get(key), self._derived,
                recipe.code, self._catalog.code_source(made.id),
            )  # fmt: skip
        return self._found[known]
