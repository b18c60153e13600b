"""Config values as recipes keep them."""

from __future__ import annotations

import os
import subprocess
import sys

from pydantic import SecretStr

from headwater import Config
from materializers.config_texts import config_texts

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
