"""Evaluating data-quality rules on frames."""

from lineage.checks.evaluate import evaluate as evaluate
from lineage.checks.validate import validate_checks as validate_checks
