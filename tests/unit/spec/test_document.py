"""Reading a spec's YAML: plain data, lines, environment variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import SpecError
from millrace.spec.document import parse_document, read_document

keys = st.text("abcdefghij_", min_size=1, max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9), st.text("abc :#-'", max_size=8)
)
trees = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3))
)


@given(st.dictionaries(keys, trees, min_size=1, max_size=4))
def test_json_is_read_as_what_it_is(data: dict[str, object]) -> None:
    assert parse_document(json.dumps(data, ensure_ascii=False)).data == data


def test_times_stay_text() -> None:
    data = parse_document("day: 2026-01-02\nmoment: 2026-01-02T03:04:05Z\n").data
    assert data["day"] == "2026-01-02"
    assert data["moment"].startswith("2026-01-02T03:04:05")


def test_yaml_1_2_numbers_and_words() -> None:
    data = parse_document("rate: 1e-3\non: yes\nsexagesimal: 12:30\n").data
    assert data == {"rate": 0.001, "on": "yes", "sexagesimal": "12:30"}


def test_lines_of_keys_and_items() -> None:
    document = parse_document(
        "name: x\nsource:\n  type: file\n\n  read: {sep: ';'}\ntransform:\n  - step: a\n  - step: b\n"
    )
    assert document.line_of(("source", "type")) == 3
    assert document.line_of(("source", "read", "sep")) == 5
    assert document.line_of(("transform", 1)) == 8
    assert document.line_of(("source", "nowhere", "deep")) == 2


def test_environment_is_filled_in() -> None:
    document = parse_document("a: ${DIR}/x\nb: ${NOPE:-y}\nc: ['${DIR}', 3]\n")
    assert document.substituted({"DIR": "/data"}) == {"a": "/data/x", "b": "y", "c": ["/data", 3]}
    assert document.data["a"] == "${DIR}/x"


def test_an_unset_variable_names_key_and_line() -> None:
    document = parse_document("name: x\nsource:\n  path: ${DATA}/x\n", "p.yaml")
    with pytest.raises(SpecError, match=r"p\.yaml:3: source\.path needs the environment variable DATA") as caught:
        document.substituted({})
    assert "${DATA:-value}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", r"p\.yaml:\d+: this is not YAML"),
        ("a: 1\na: 2\n", r"p\.yaml:2: this is not YAML: found duplicate key"),
        ("", "a mapping of keys to values; found nothing"),
        ("- 1\n", "found a CommentedSeq"),
        ("a: \tb\n  c: d", "not YAML"),
    ],
)
def test_what_is_not_a_spec(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_document(text, "p.yaml")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_document(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    with pytest.raises(SpecError, match="not UTF-8 text"):
        read_document(tmp_path / "latin.yaml")


NINE = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))


@pytest.mark.parametrize(
    "text", ["a: &a [1,1,1,1,1,1,1,1,1]\n" + NINE, "a: " + "[" * 5000, "{a: " * 2000 + "1" + "}" * 2000, "- " * 3000]
)
def test_a_few_lines_that_stand_for_too_much_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        parse_document(text)


def test_keys_that_came_by_a_merge_are_there() -> None:
    document = parse_document("first: &it {by: random}\nsecond:\n  <<: *it\n  seed: 3\n")
    assert document.data["second"] == {"by": "random", "seed": 3}
    assert document.line_of(("second", "by")) == 2


@pytest.mark.parametrize("text", ["${HOME", "${1X}", "${HOME-x}", "${HOME:?no}", "${A:-${HOME}}", "${}"])
def test_what_looks_like_a_variable_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"2: path: '.*' is no reference to an environment variable"):
        parse_document(f'a: 1\npath: "x{text}"\n').substituted({"HOME": "/home"})


@pytest.mark.parametrize("value", ["!colour red", "!!set {a}", "!!binary aGVsbG8=", '"\\ud800"'])
def test_what_no_spec_can_hold_is_refused(value: str) -> None:
    with pytest.raises(SpecError, match="which no spec can have"):
        parse_document(f"a: {value}\n")
