"""A small part of Stripe's search language: clauses `field:'value'` and `metadata['key']:'value'`, joined by AND."""

import re
from typing import Any

from billing.sandbox.errors import ApiError
from billing.sandbox.protocol.calls import Call
from billing.sandbox.values import Obj

_CLAUSE = re.compile(
    r"""(-?)(?:metadata\[(['"])(?P<key>.*?)\2\]|(?P<field>\w+))\s*(?P<op>[:~])\s*(?:(['"])(?P<text>(?:\\.|(?!\6).)*)\6|(?P<word>null|true|false|\d+))"""
)


def searched(call: Call, kind: str) -> Obj:
    params = call.takes("query limit page")
    clauses = _clauses(params["query"])
    found = [obj for obj in call.account.all(kind) if all(clause(obj) for clause in clauses)]
    start, limit = int(params.get("page") or 0), params.get("limit", 10)
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": call.path,
    }


def _clauses(query: str) -> list[Any]:
    clauses, at = [], 0
    while at < len(query):
        match = _CLAUSE.match(query, at)
        if match is None:
            raise ApiError(f"We were unable to parse your search query near: {query[at:]}", param="query")
        clauses.append(_clause(match))
        rest = re.compile(r"\s*(?:AND\s+|and\s+|$)").match(query, match.end())
        if rest is None:
            raise ApiError("The stand-in's search joins clauses with AND only.", param="query")
        at = rest.end()
    return clauses


def _clause(match: re.Match[str]) -> Any:
    text, word = match["text"], match["word"]
    wanted = (
        {"null": None, "true": "True", "false": "False"}.get(word, word)
        if text is None
        else re.sub(r"\\(.)", r"\1", text)
    )

    def fits(obj: Obj) -> bool:
        value = (obj.get("metadata") or {}).get(match["key"]) if match["key"] is not None else obj.get(match["field"])
        if match["op"] == "~":
            hit = wanted is not None and str(wanted).lower() in str(value or "").lower()
        else:
            hit = value is None if wanted is None else str(value) == wanted
        return hit != bool(match[1])

    return fits
