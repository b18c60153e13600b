"""How polars' expression functions treat rows, as data: the reader of expressions and the coverage page use it.

Names are those that polars' node traverser gives, with the family before a dot where there is one. A function
that is not listed is taken as ``WHOLE``: each value of its result may depend on every value of its arguments, on
their order and on nothing else. That is true of any function without side effects, so a gap here costs
precision, never soundness.
"""

from __future__ import annotations

from enum import StrEnum


class Manner(StrEnum):
    """How a function's result relates to the rows of its arguments."""

    ROWWISE = "row by row"
    """Each value depends on the arguments' values in the same row."""
    FIRST = "row by row in its first argument; the others are looked up as wholes"
    AGGREGATE = "one value from all rows, in whatever order they come"
    ORDERED_AGGREGATE = "one value that depends on the order of the rows"
    ALIGNED = "a value for each row that depends on all rows, not on their order"
    SEQUENTIAL = "a value for each row that depends on the rows before or after it"
    SET = "new rows that depend on all rows; their number is decided by values"
    WHOLE = "anything that its arguments, taken as ordered wholes, can decide"


_KNOWN: dict[str, str] = {
    "StringFunction": """
        Base64Decode Base64Encode ConcatHorizontal ConcatVertical Contains ContainsAny CountMatches EndsWith
        EscapeRegex Extract ExtractAll ExtractGroups ExtractMany Find FindMany Format Head HexDecode
        HexEncode JsonDecode JsonPathMatch LenBytes LenChars Lowercase Normalize PadEnd PadStart Replace
        ReplaceMany Reverse Slice Split SplitExact SplitN SplitRegex StartsWith StripChars StripCharsEnd
        StripCharsStart StripPrefix StripSuffix Strptime Tail Titlecase ToDecimal ToInteger Uppercase ZFill""",
    "TemporalFunction": """
        BaseUtcOffset CastTimeUnit Century Combine ConvertTimeZone DSTOffset Date Datetime DatetimeFunction
        Day DaysInMonth Duration Hour IsLeapYear IsoYear Microsecond Millennium Millisecond Minute Month
        MonthEnd MonthStart Nanosecond OffsetBy OrdinalDay Quarter Replace ReplaceTimeZone Round Second Time
        TimeStamp ToString TotalDays TotalHours TotalMicroseconds TotalMilliseconds TotalMinutes
        TotalNanoseconds TotalSeconds Truncate Week WeekDay WithTimeUnit Year""",
    "StructFunction": """
        DropFields FieldByName JsonEncode MapFieldNames PrefixFields RenameFields SuffixFields WithFields""",
    "ListFunction": """
        ArgMax ArgMin Concat Contains CountMatches Diff DropNulls Gather GatherEvery Get Join Length Max
        Mean Median Min Sample SetOperation Shift Slice Sort Std Sum ToArray ToStruct Var""",
    "ArrayFunction": """
        ArgMax ArgMin Concat Contains CountMatches Dot Explode Get Join Length Max Mean Median Min Shift
        Slice Sort Std Sum ToList ToStruct Var""",
    "BooleanFunction": """
        All AllHorizontal Any AnyHorizontal HasNulls IsBetween IsClose IsDuplicated IsEmpty IsFinite
        IsFirstDistinct IsIn IsInfinite IsLastDistinct IsNan IsNotNan IsNotNull IsNull IsSorted IsUnique Not""",
}
ROWWISE = frozenset(f"{family}.{name}" for family, names in _KNOWN.items() for name in names.split())
"""The members of some families, all of them row by row unless listed otherwise.

They are listed one by one: what a later polars adds to a family is not taken for row by row before it was looked at.
"""

_ROWWISE = """abs pow sqrt cbrt cos cot sin tan arccos arcsin arctan cosh sinh tanh arccosh arcsinh arctanh degrees
radians atan2 sign fill_null fill_null_with_value fill_nan round round_sig_figs truncate floor ceil clip log log1p exp
fused hash as_struct max_horizontal min_horizontal sum_horizontal mean_horizontal coalesce cut
reinterpret rechunk repeat_by negate upper_bound lower_bound expm1 log10
RangeFunction.IntRanges RangeFunction.DateRanges RangeFunction.DatetimeRanges RangeFunction.TimeRanges
RangeFunction.LinearSpaces BitwiseFunction.CountOnes BitwiseFunction.CountZeros BitwiseFunction.LeadingOnes
BitwiseFunction.LeadingZeros BitwiseFunction.TrailingOnes BitwiseFunction.TrailingZeros"""

_MANNERS: dict[Manner, str] = {
    Manner.ROWWISE: _ROWWISE,
    Manner.FIRST: """replace replace_strict BooleanFunction.IsIn StringFunction.ContainsAny
        StringFunction.ReplaceMany StringFunction.ExtractMany StringFunction.FindMany""",
    Manner.AGGREGATE: """null_count quantile skew kurtosis product entropy approx_n_unique corr cov
        BooleanFunction.Any BooleanFunction.All BooleanFunction.HasNulls BooleanFunction.IsEmpty
        BitwiseFunction.And BitwiseFunction.Or BitwiseFunction.Xor n_unique sum min max mean std var""",
    Manner.ORDERED_AGGREGATE: """arg_min argmin argmax index_of min_by max_by StringFunction.ConcatVertical
        BooleanFunction.IsSorted""",
    Manner.ALIGNED: """BooleanFunction.IsUnique BooleanFunction.IsDuplicated qcut
        RollingFunctionBy.MaxBy RollingFunctionBy.MeanBy RollingFunctionBy.MinBy RollingFunctionBy.QuantileBy
        RollingFunctionBy.RankBy RollingFunctionBy.StdBy RollingFunctionBy.SumBy RollingFunctionBy.VarBy""",
    Manner.SEQUENTIAL: """cum_sum cum_min cum_max cum_prod cum_count cum_mean shift shift_and_fill diff pct_change
        interpolate interpolate_by fill_null_with_strategy peak_min peak_max rle_id reverse rank shuffle
        shrink_type to_physical
        BooleanFunction.IsFirstDistinct BooleanFunction.IsLastDistinct
        RollingFunction.CorrCov RollingFunction.Kurtosis RollingFunction.Max RollingFunction.Mean RollingFunction.Min
        RollingFunction.Quantile RollingFunction.Rank RollingFunction.Skew RollingFunction.Std RollingFunction.Sum
        RollingFunction.Var
        EwmFunction.Mean EwmFunction.MeanBy EwmFunction.Std EwmFunction.Sum EwmFunction.SumBy EwmFunction.Var""",
    Manner.SET: """drop_nulls drop_nans value_counts mode unique_counts hist unique top_k
        ArrayFunction.Explode""",
    Manner.WHOLE: """sample rle arg_unique top_k_by search_sorted argwhere arg_sort arg_max extend_constant concat
        gather_every reshape repeat ListFunction.Sample RangeFunction.IntRange""",
}

MANNERS: dict[str, Manner] = {name: manner for manner, names in _MANNERS.items() for name in names.split()}
"""The manner of every function that is listed by name."""

ORDERED_AGGREGATES = frozenset(
    {"first", "last", "first_non_null", "last_non_null", "implode", "agg_groups", "item", "arg_min", "arg_max"}
)
"""Aggregations, as nodes of their own, that depend on the order of rows; all others do not."""

AGGREGATES = frozenset(
    {"min", "max", "median", "n_unique", "mean", "sum", "count", "std", "var", "quantile", "nan_min", "nan_max"}
)
"""Aggregations, as nodes of their own, that do not depend on the order of rows."""


GUESSING = frozenset({"StringFunction.Strptime", "StringFunction.ToDecimal"})
"""Functions that guess a format from the first values where none is given, so that order reaches every value."""
UNORDERED_RANKS = frozenset({"average", "min", "max", "dense"})
"""Methods of ``rank`` that give equal values equal ranks, so that the order of rows does not matter."""


def manner_of(name: str) -> Manner:
    """How the function of this name treats rows; ``WHOLE`` where nothing is known."""
    listed = MANNERS.get(name)
    if listed is not None:
        return listed
    return Manner.ROWWISE if name in ROWWISE else Manner.WHOLE
