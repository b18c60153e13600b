"""Resources, filled from headwater.toml and opened once."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.errors import UsageError, message_of
from headwater import config
from headwater.secrets import mask

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Resource


class Resources:
    """The resources of one run.

    Arguments:
        given: the tables ``[resources.NAME]``.
    """

    def __init__(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        self._given = given
        self._open: dict[type[Resource], Resource] = {}
        self._lock = threading.Lock()

    def of(self, asset: Asset[..., Any]) -> dict[str, Any]:
        """The resources that an asset's function asks for, by parameter.

        Raises:
            UsageError: HW617, headwater.toml does not fill one; HW607, a variable is not set.
        """
        return {one.name: self._opened(one.resource) for one in asset.parameters if one.resource is not None}

    def close(self) -> None:
        """Closes what was opened, the last one first; one that cannot be closed stops nothing and is told of."""
        for cls, resource in reversed(self._open.items()):
            try:
                resource.close()
            except Exception as error:  # noqa: BLE001 -- user code: what was published stays published
                problem = mask(f"{type(error).__name__}: {message_of(error)}")
                logging.getLogger("headwater").warning("the resource %s did not close: %s", cls.__name__, problem)
        self._open.clear()

    def _opened(self, cls: type[Resource]) -> Resource:
        with self._lock:
            if cls not in self._open:
                name = snake(cls.__name__)
                from pydantic import ValidationError  # as whoever derived from Resource has done

                values = config.resolve(self._given.get(name, {}), f"[resources.{name}]")
                try:
                    made = cls.model_validate(values)
                except ValidationError as failed:
                    problems = "\n".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in failed.errors())
                    raise UsageError(
                        "HW617", f"the resource {cls.__name__} cannot be filled", where=f"[resources.{name}]",
                        why=problems,
                    ) from None  # fmt: skip
                made.open()
                self._open[cls] = made
            return self._open[cls]


def snake(name: str) -> str:
    """``WarehouseApi`` as it is written in headwater.toml: ``warehouse_api``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
