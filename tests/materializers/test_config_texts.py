"""Config values as recipes keep them."""

from __future__ import annotations

import os
import subprocess
import sys

from pydantic import SecretStr, field_validator

from headwater import Config
from materializers.config_texts import config_of_texts, config_texts

_PRINT_SET = """
from headwater import Config
from materializers.config_texts import config_texts
class Codes(Config):
    codes: set[str] = {"a", "b", "c", "d", "e", "f"}
print(config_texts(Codes()))
"""


class Nested(Config):
    token: SecretStr = SecretStr("hidden")


class Whole(Config):
    nested: Nested = Nested()
    ratio: float = 0.5


def test_a_set_has_one_text_in_every_process() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_SET],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1


def test_a_secret_inside_another_model_is_told_apart_and_not_shown() -> None:
    one, other = config_texts(Whole()), config_texts(Whole(nested=Nested(token=SecretStr("changed"))))
    assert one["nested"] != other["nested"]
    assert "hidden" not in one["nested"]
    assert one["ratio"] == "0.5"


def test_texts_give_the_config_back_unless_it_holds_a_secret_or_has_other_fields() -> None:
    class Plain(Config):
        days: frozenset[int] = frozenset({1, 2})
        ratio: float = 0.5

    other = Plain(days=frozenset({3}), ratio=0.25)
    assert config_of_texts(Plain, config_texts(other)) == other
    assert config_of_texts(Whole, config_texts(Whole())) is None
    assert config_of_texts(Plain, {"days": "[1]"}) is None, "a field that came later has no value of then"
    assert config_of_texts(Plain, {**config_texts(Plain()), "gone": "1"}) is None


def test_a_validator_that_breaks_on_a_value_of_then_leaves_the_config_untold() -> None:
    class Picky(Config):
        days: int = 1

        @field_validator("days")
        @classmethod
        def known(cls, days: int) -> int:
            return {1: days}[days]

    assert config_of_texts(Picky, {"days": "1"}) == Picky()
    assert config_of_texts(Picky, {"days": "2"}) is None
