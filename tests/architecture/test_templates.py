"""Templates obey the content security policy, and forms carry their token."""

import pytest

from saas.devstack.rules.markup import judge

TOKEN = '<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">'

FAULTS = [
    "<script>alert(1)</script>",
    '<script type="module">import "x"</script>',
    "<style>p { color: red }</style>",
    '<p style="color: red">',
    '<p{% if x %} class="a"{% endif %} style="color: red">',
    '<button hx-on:click="go()">',
    '<button hx-on--after-request="go()">',
    '<body onload="go()">',
    "<a ONCLICK=go()>",
    '<a href="javascript:go()">',
    '<p hx-vals="js:{x: go()}">',
    '{{ f.email(style="color: red") }}',
    '{{ f.email(onchange="go()") }}',
    '<form method="post"><button>Go</button></form>',
    f'<form method="POST"></form>\n<form method="post">{TOKEN}</form>',
    '<form method="{{ method }}"><button>Go</button></form>',
    '<form hx-post="/x"><button>Go</button></form>',
    '<form method="post">{# csrf_token #}</form>',
]

INNOCENT = [
    "<script src=\"{{ url_for('static', filename='app.js') }}\" defer></script>",
    '<script type="application/json">{"a": 1}</script>',
    '<link rel="stylesheet" href="/static/base.css">',
    "<p>style=plain, onclick=nothing, <code>&lt;script&gt;</code></p>",
    "{# <script> style= onclick= #}<!-- <style> -->",
    '<p class="{% if a > b %}once{% endif %}" {{ attributes }} data-on="x">',
    "{% if style == 'x' %}a{% endif %}",
    f'<form method="post">{TOKEN}</form>',
    '<form method="post">\n{{ f.hidden_tag() }}\n</form>',
    '<form method="get"><input name="q"></form>',
    "<form><input></form>",
    '<form method="dialog"><button>Close</button></form>',
]


@pytest.mark.parametrize("text", FAULTS)
def test_what_the_policy_blocks_and_forms_without_a_token_are_found(text):
    found = list(judge("saas/templates/x.html", f"<!doctype html>\n{text}\n"))
    assert [finding.line for finding in found] == [2]


@pytest.mark.parametrize("text", INNOCENT)
def test_proper_markup_is_left_alone(text):
    assert list(judge("saas/templates/x.html", text)) == []


def test_lines_are_right_below_a_tag_that_spans_several():
    text = "{% set x = [\n 1,\n 2\n] %}\n{{ f(\n1) }}\n<p style=a>"
    assert [finding.line for finding in judge("x.html", text)] == [7]
