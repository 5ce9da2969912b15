"""Which functions a bound connection may call: those listed here and those that a module of your own names.

A list of what is forbidden can't be complete: PostgreSQL 18 has 2,787 names of functions, the next version brings
more, and an extension brings any at all, some of which run a text as SQL (docs/decisions/0010). These are of chapter 9
of PostgreSQL's manual, and give back nothing but what they make of their arguments, a time or a random number.
"""

from collections.abc import Iterator
from itertools import pairwise

Token = tuple[str, str]  # kind and text, as the guard's scanner finds them

# By the manual's sections.
_FUNCTIONS = {
    "9.3 numbers": (
        "abs acos acosd asin asind atan atan2 atan2d atand cbrt ceil ceiling cos cosd cot cotd degrees div exp "
        "factorial floor gcd lcm ln log log10 min_scale mod pi power radians random random_normal round scale sign "
        "sin sind sqrt tan tand trim_scale trunc width_bucket"
    ),
    "9.4, 9.5, 9.7 texts and bytes": (
        "ascii bit_count bit_length btrim char_length character_length chr concat concat_ws convert_from convert_to "
        "decode encode format initcap left length lower lpad ltrim md5 normalize octet_length overlay parse_ident "
        "position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match "
        "regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace "
        "reverse right rpad rtrim sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table "
        "strpos substr substring to_ascii to_bin to_hex to_oct translate upper"
    ),
    "9.8, 9.9 formats and times": (
        "age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days "
        "justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now "
        "statement_timestamp timezone to_char to_date to_number to_timestamp transaction_timestamp"
    ),
    "9.13 text search, but for what runs a query": (
        "array_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery to_tsvector "
        "ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery"
    ),
    "9.14 uuid": "gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7",
    "9.16 JSON": (
        "array_to_json json_array_elements json_array_elements_text json_array_length json_build_array "
        "json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object "
        "json_object_keys json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_array_elements "
        "jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text "
        "jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists "
        "jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set "
        "jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb"
    ),
    "9.19, 9.20 arrays and ranges": (
        "array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position "
        "array_positions array_prepend array_remove array_replace array_to_string array_upper cardinality daterange "
        "int4range int8range isempty lower_inc lower_inf numrange range_merge trim_array tsrange tstzrange unnest "
        "upper_inc upper_inf"
    ),
    "9.21, 9.22 aggregates and windows": (
        "any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist "
        "dense_rank every first_value json_agg json_object_agg jsonb_agg jsonb_object_agg lag last_value lead max min "
        "mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank "
        "regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number "
        "stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance"
    ),
    "9.2, 9.26 to 9.28 the rest": (
        "current_schema current_setting generate_series generate_subscripts num_nonnulls num_nulls"
    ),
}
_LISTED = {name for names in _FUNCTIONS.values() for name in names.split()}

# What stands before a bracket or a value and calls nothing, unquoted and without a schema in front.
_SYNTAX = (
    "all and any array as between btree by case cast char character check coalesce conflict copy cube decimal "
    "default distinct else escape except exists filter first float from gin greatest group grouping having identity "
    "ilike in include intersect interval is join key lateral least like limit materialized not nullif numeric "
    "offset on only or over overlaps placing primary range returning rollup row rows select set sets some symmetric "
    "then time timestamp to trim union unique using values varchar varying when where with zone"
)
_KEYWORDS = set(_SYNTAX.split())

# Behind these a name with a bracket is that of a table or type: `INTO products (title)`, `AS numeric(10, 2)`.
_NAMES_FOLLOW = {
    ("word", word) for word in ("as", "copy", "exists", "into", "recursive", "references", "table", "with")
}
_NAMES = {"word", "quoted"}
_CAST = [("sign", ":"), ("sign", ":")]

_admitted: set[str] = set()


def admit(*names: str) -> None:
    """Add functions to the list: as a statement writes them, in small letters, with a schema if that does."""
    _admitted.update(names)


def unknown_call(tokens: list[Token], *, on_tables: bool = False) -> str | None:
    """The name of a function that a statement calls, or may call, and that nobody has listed.

    A placeholder counts as a bracket, since the driver writes a tuple as one. With `on_tables`, as in DDL, a name
    behind ON is a table's.
    """
    for start, end in _named_brackets(tokens):
        name = ".".join(part for _, part in tokens[start:end:2])
        if name in _LISTED or name in _admitted or (tokens[start:end] == [("word", name)] and name in _KEYWORDS):
            continue
        ahead = tokens[max(start - 2, 0) : start]
        on_table = on_tables and ahead[-1:] == [("word", "on")]
        if not (on_table or ahead == _CAST or _NAMES_FOLLOW.intersection(ahead[-1:])):
            return name
    return None


def _named_brackets(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Where a name with a bracket behind it starts, with the schema in front, and ends."""
    for place, ((kind, _), (next_kind, bracket)) in enumerate(pairwise(tokens)):
        opens = (next_kind, bracket) == ("sign", "(") or (next_kind == "placeholder" and bracket != "%%")
        if kind in _NAMES and opens:
            start = place
            while start > 1 and tokens[start - 1] == ("sign", ".") and tokens[start - 2][0] in _NAMES:
                start -= 2
            yield start, place + 1
