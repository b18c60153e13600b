"""The values of a ``Config`` as a recipe keeps them: equal texts exactly for equal values, in every process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from assets_core.digest import digest
from assets_core.settings import Config


def config_texts(config: Config) -> dict[str, str]:
    """Every field's value as JSON text; of secrets (``SecretStr``) a digest, because recipes are shown and kept."""
    return {name: _json(_plain(value)) for name, value in dict(config).items()}


def config_of_texts(cls: type[Config], texts: Mapping[str, str]) -> Config | None:
    """The config whose texts these are; None where they do not tell it: of secrets, and of another class's fields."""
    try:
        config = cls.model_validate({name: json.loads(text) for name, text in texts.items()})
    except Exception:  # noqa: BLE001 -- what a user's validators raise on a value of then says only that it is none now
        return None
    return config if config_texts(config) == dict(texts) else None


def _plain(value: Any) -> Any:
    reveal = getattr(value, "get_secret_value", None)
    if reveal is not None:
        return {"secret": digest("secret", _json(_plain(reveal())))}
    if isinstance(value, BaseModel):
        return {name: _plain(item) for name, item in dict(value).items()}
    if isinstance(value, Mapping):
        return {str(to_jsonable_python(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, AbstractSet):  # its order differs from process to process
        return sorted((_plain(item) for item in value), key=_json)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return to_jsonable_python(value, fallback=str)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
