"""``headwater validate``."""

from __future__ import annotations

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import set_option


@verb("validate", examples=(("headwater validate", "before a commit, and in CI"),))
@set_option
def command(call: Call) -> int:
    """Check every definition without touching data.

    Loads the project, derives the schema and the lineage of every asset and type-checks every column that it reads.
    All errors are shown, not only the first.
    """
    from headwater.report.document import error_list
    from headwater.report.validation import validation_document, validation_text

    with call.open() as project:
        found = project.validate()
        ok = not found.errors
        call.complain(found.errors)
        call.answer(
            lambda style: validation_text(project.graph, found.derivations, call.title, style, ok=ok),
            lambda: validation_document(project.graph, found.derivations),
            ok=ok,
            errors=[one for error in found.errors for one in error_list(error)],
            warnings=found.warnings,
        )
    return 0 if ok else 2
