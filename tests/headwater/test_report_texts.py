"""Text for people: words, tables, grouped reasons, plans, states."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assets_core.keys import Slot, Slots
from assets_core.partitions import Daily, Partitions
from assets_core.plan import Plan, Step
from assets_core.staleness import FRESH, Reason, ReasonCode, SlotState, Verdict
from headwater.report import words
from headwater.report.plan import plan_text
from headwater.report.reasons import main_reason, reason_from, reason_lines
from headwater.report.slots import key_span, span
from headwater.report.status import status_text
from headwater.report.style import Style, clean, cut, display_width, warning_text
from headwater.report.table import Cell, limited, paragraph, table

DAYS = Daily("2013-01-01", "2014-01-01")
KEYS = list(DAYS.keys(None))  # type: ignore[arg-type]
STYLE = Style()


def days(key: str) -> Partitions:
    return DAYS


def slots(key: str, first: int = 0, last: int = 365) -> list[Slot]:
    return [Slot(key, one) for one in KEYS[first:last]]


def changed(columns: list[str], partition: str | None = None) -> Reason:
    upstream = Slot("raw/flights", partition)
    details = {"input": "raw", "asset": "raw/flights", "partition": partition, "columns": columns}
    return Reason(ReasonCode.INPUT_CHANGED, f"{upstream}: {', '.join(columns)} changed", details)


@pytest.mark.parametrize(("value", "text"), [
    (0.0123, "12 ms"), (3.42, "3.4 s"), (125, "2 min 05 s"), (4350, "1 h 12 min"), (0, "0 ms"), (59.96, "60.0 s"),
])  # fmt: skip
def test_seconds_read_well(value: float, text: str) -> None:
    assert words.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")])
def test_sizes_read_well(value: int, text: str) -> None:
    assert words.size(value) == text


def test_counts_agree_with_their_noun() -> None:
    assert [words.counted(n, "slot") for n in (0, 1, 12345)] == ["0 slots", "1 slot", "12,345 slots"]


def test_control_characters_are_written_out() -> None:
    assert clean("a\x1b[31mb\nc\x9b") == "a\\x1b[31mb\\nc\\x9b"


def test_a_warning_keeps_the_lines_of_an_error_and_steers_no_terminal() -> None:
    told = warning_text("HW310 no file\n  at a\x1b[31mb\n  hint: c", Style())
    assert told == "warning: HW310 no file\n    at a\\x1b[31mb\n    hint: c"


def test_wide_characters_take_two_columns() -> None:
    assert (display_width("数据"), cut("数据数据", 5)) == (4, "数据…")


def test_columns_are_aligned_and_numbers_stand_at_the_right() -> None:
    assert table([["a", "1"], ["long", "10"]], STYLE, right={1}) == ["  a      1", "  long  10"]


def test_colours_take_no_room() -> None:
    plain = table([["a", Cell("x", "red")], ["b", "y"]], STYLE)
    coloured = table([["a", Cell("x", "red")], ["b", "y"]], Style(colour=True))
    assert coloured[0] == plain[0].replace("x", "\x1b[31mx\x1b[0m")


def test_the_flexible_column_is_cut_to_the_width() -> None:
    lines = table([["key", "x" * 100]], Style(width=40), flexible=1)
    assert (len(lines[0]), lines[0][-1]) == (40, "…")


def test_nothing_is_cut_in_a_pipe() -> None:
    assert table([["key", "x" * 100]], Style(width=None), flexible=1) == ["  key  " + "x" * 100]


def test_a_column_without_text_is_left_out() -> None:
    assert table([["a", "", "b"]], STYLE, head=("one", "two", "three")) == ["  one  three", "  a    b"]


def test_a_long_list_ends_with_what_was_left_out_and_how_to_see_it() -> None:
    lines = limited([["x"]] * 50, Style(limit=3), "asset", "--all shows them")
    assert lines == ["x", "x", "x", "  … 47 more assets: --all shows them"]


def test_paragraphs_stay_within_the_width() -> None:
    assert max(map(len, paragraph("word " * 60, STYLE, "    "))) <= 80


def test_neighbouring_partitions_are_a_range_with_its_count() -> None:
    assert span(slots("staging/flights"), days) == "2013-01-01..2013-12-31 (365)"


def test_one_partition_is_named_alone() -> None:
    assert span(slots("staging/flights", 3, 4), days) == "2013-01-04"


def test_an_unpartitioned_slot_has_no_span() -> None:
    assert span([Slot("marts/kpis")], days) == ""


def test_many_ranges_are_counted() -> None:
    assert key_span(KEYS[::2], DAYS) == "2013-01-01, 2013-01-03, 2013-01-05 and 180 more (183)"


def test_keys_of_an_earlier_definition_are_listed_as_they_are() -> None:
    assert key_span(["EU", "US"], DAYS) == "EU, US (2)"


def test_one_reason_of_many_slots_is_one_line() -> None:
    pairs = [(Slots.of(slot), changed(["delay"], slot.partition)) for slot in slots("staging/flights")]
    assert reason_lines(pairs, days, STYLE, "") == ["raw/flights: delay changed  2013-01-01..2013-12-31 (365)"]


def test_reasons_that_differ_in_their_columns_are_told_apart() -> None:
    pairs = [(Slots.of(slot), changed(["delay"])) for slot in slots("x", 0, 2)] + [
        (Slots.of(slots("x", 2, 3)[0]), changed(["tail"]))
    ]
    assert reason_lines(pairs, days, STYLE, "") == [
        "raw/flights: delay changed  2013-01-01..2013-01-02 (2)",
        "raw/flights: tail changed  2013-01-03",
    ]


def test_very_many_sets_of_columns_become_one_line_with_all_of_them() -> None:
    pairs = [(Slots.of(slot), changed([f"c{place}"])) for place, slot in enumerate(slots("x", 0, 6))]
    assert reason_lines(pairs, days, STYLE, "") == [
        "raw/flights: c0, c1, c2, c3, c4, c5 changed  2013-01-01..2013-01-06 (6)"
    ]


def test_partitions_that_came_are_joined_over_slots() -> None:
    pairs = [
        (
            Slots.of(Slot("marts/kpis", month)),
            Reason(
                ReasonCode.INPUT_SLOTS_CHANGED,
                f"staging/flights: {day} new",
                {"input": "f", "asset": "staging/flights", "partitions": [day]},
            ),
        )
        for month, day in (("2013-01-01", "2013-01-05"), ("2013-01-02", "2013-01-06"))
    ]
    assert reason_lines(pairs, days, STYLE, "") == [
        "staging/flights: 2013-01-05..2013-01-06 (2) new  2013-01-01..2013-01-02 (2)"
    ]


def test_a_reason_that_does_not_fit_takes_a_second_line() -> None:
    reason = Reason(ReasonCode.CODE_CHANGED, "code of staging/flights changed: " + "by helper_function " * 2)
    lines = reason_lines([(Slots.of(slot), reason) for slot in slots("x")], days, STYLE)
    assert (len(lines), max(map(len, lines)) <= 80) == (2, True)
    assert lines[1].strip() == "2013-01-01..2013-12-31 (365)"


def test_upstream_staleness_is_not_counted_beside_a_reason_of_its_own() -> None:
    missing = Reason(ReasonCode.MISSING, "never materialized")
    upstream = Reason(ReasonCode.UPSTREAM_STALE, "may change: x runs first")
    assert main_reason([(Slots.of(Slot("a")), missing), (Slots.of(Slot("a")), upstream)], days) == "never materialized"


def test_a_recorded_reason_of_another_version_is_shown_as_it_was_said() -> None:
    recorded = reason_from({"code": "moon_changed", "message": "the moon changed", "asset": "moon"})
    assert main_reason([(Slots.of(Slot("a")), recorded)], days) == "the moon changed"


def plan() -> Plan:
    code = Reason(ReasonCode.CODE_CHANGED, "code of staging/flights changed", {"asset": "staging/flights"})
    may = Reason(ReasonCode.UPSTREAM_STALE, "may change: staging/flights runs first", {"assets": ["staging/flights"]})
    first = [Step((slot,), (code,)) for slot in slots("staging/flights")]
    return Plan((*first, Step((Slot("marts/kpis"), Slot("marts/rest")), (may,), may_change=True)))


def test_a_plan_is_a_line_an_asset() -> None:
    assert plan_text(plan(), "flights in dev", STYLE, partitions_of=days).splitlines() == [
        "flights in dev: 366 steps, 2 assets",
        "",
        "  staging/flights         365  code of staging/flights changed",
        "  marts/kpis, marts/rest       may change: staging/flights runs first",
        "",
        "  headwater plan --why gives every reason",
    ]


def test_a_plan_with_why_has_a_line_a_reason() -> None:
    assert plan_text(plan(), "flights in dev", STYLE, why=True, partitions_of=days).splitlines()[2:] == [
        "  staging/flights         365",
        "      code of staging/flights changed  2013-01-01..2013-12-31 (365)",
        "  marts/kpis, marts/rest",
        "      may change: staging/flights runs first",
    ]


def test_an_empty_plan_says_that_all_is_fresh() -> None:
    assert plan_text(Plan(()), "flights in dev", STYLE) == "flights in dev: nothing to do, everything selected is fresh"


def test_status_is_a_line_for_each_asset_and_state() -> None:
    verdicts = dict.fromkeys(slots("staging/flights", 0, 300), FRESH)
    stale = Verdict(SlotState.STALE, (changed(["delay"]),))
    verdicts |= dict.fromkeys(slots("staging/flights", 300), stale)
    assert status_text(verdicts, "flights in dev", STYLE, partitions_of=days).splitlines()[:4] == [
        "flights in dev: 365 slots, 300 fresh, 65 stale",
        "",
        "  staging/flights  fresh  300  2013-01-01..2013-10-27",
        "  staging/flights  stale   65  raw/flights: delay changed",
    ]


@pytest.mark.parametrize("why", [False, True])
def test_status_of_very_many_partitions_is_quick_and_narrow(why: bool) -> None:
    many = Daily("2000-01-01", "2032-11-01")
    keys = [f"{many.partition('2000-01-01').start + timedelta(days=n):%Y-%m-%d}" for n in range(12_000)]  # type: ignore[operator]
    verdicts = {Slot("x", key): Verdict(SlotState.STALE, (changed(["a"], key),)) for key in keys}
    text = status_text(verdicts, "x in dev", STYLE, why=why, partitions_of=lambda _: many)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 6
