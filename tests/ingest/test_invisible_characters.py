"""Characters that nobody sees in what a client names: left out of keys, and no name where nothing else is there."""

import json

import pytest

from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.props import neat_props
from mallard.ingest.request import parse_wire


@pytest.mark.parametrize("odd", ["\u202e", "\u2066", "\u200b", "\ufffe", "\x07", "\n", "\u0085"])
def test_neat_props_leaves_invisible_characters_out_of_keys(odd: str) -> None:
    assert neat_props({f"pl{odd}an": "pro"}) == ('{"plan":"pro"}', None)


def test_neat_props_keeps_the_first_of_keys_that_look_the_same() -> None:
    assert neat_props({"plan": "a", "plan\u200b": "b", "\u200b": "c"}) == ('{"plan":"a"}', None)


def test_neat_props_keeps_line_breaks_in_values() -> None:
    assert neat_props({"text": "a\nb\u202e"}) == (json.dumps({"text": "a\nb"}, separators=(",", ":")), None)


def test_parse_wire_refuses_a_name_of_invisible_characters() -> None:
    found = parse_wire({"d": "example.com", "n": "\u200b\u2066", "u": "/"})
    assert isinstance(found, Dropped)
    assert found.reason is DropReason.EMPTY
