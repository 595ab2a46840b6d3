"""What may go: a property over all small worlds, and the rules one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from millrace.maintenance.retention import GRACE, Item, Rules, mentioned, removable

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = [f"n{number}" for number in range(12)]


def item(kind: str, name: str, days: float, mentions: str = "", held: bool = False, pipeline: str = "p") -> Item:
    at = NOW - timedelta(days=days)
    return Item(kind, name, pipeline, at, frozenset({name}), frozenset(mentions.split()), held)


@st.composite
def worlds(draw: st.DrawFn) -> list[Item]:
    return [
        Item(
            kind=draw(st.sampled_from(["run", "dataset", "check"])),
            key=name,
            pipeline=draw(st.sampled_from(["a", "b"])),
            at=NOW - timedelta(hours=draw(st.integers(0, 24 * 60))),
            names=frozenset({name, *draw(st.sets(st.sampled_from(NAMES), max_size=1))}),
            mentions=frozenset(draw(st.sets(st.sampled_from([*NAMES, "elsewhere"]), max_size=3))),
            held=draw(st.booleans()),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]


rules = st.builds(
    Rules,
    keep=st.none() | st.integers(0, 4),
    older_than=st.none() | st.integers(0, 60).map(lambda days: timedelta(days=days)),
)


@given(worlds(), st.sets(st.sampled_from(NAMES), max_size=3), rules)
def test_nothing_goes_that_a_version_or_anything_kept_refers_to(
    items: list[Item], roots: set[str], rules: Rules
) -> None:
    going = removable(items, roots, rules, NOW)
    kept = [one for one in items if one not in going]
    referred = roots | {name for one in kept for name in one.mentions}
    for one in going:
        assert one.names.isdisjoint(referred)
        assert not one.held
        assert rules.older_than is None or one.at <= NOW - rules.older_than
        assert one.kind != "dataset" or one.at <= NOW - GRACE
    for kind in ("run", "check"):
        for pipeline in ("a", "b"):
            group = [one for one in items if (one.kind, one.pipeline) == (kind, pipeline)]
            newest = sorted(group, key=lambda one: (one.at, one.key), reverse=True)[: rules.keep or 0]
            assert not set(newest) & set(going)


@given(worlds(), st.sets(st.sampled_from(NAMES), max_size=3), rules)
def test_what_is_let_go_once_is_let_go_again_and_then_nothing_more(
    items: list[Item], roots: set[str], rules: Rules
) -> None:
    going = removable(items, roots, rules, NOW)
    assert going == removable(reversed(items), roots, rules, NOW)
    if rules.keep is None:
        assert removable([one for one in items if one not in going], roots, rules, NOW) == []


def test_what_nobody_refers_to_goes() -> None:
    items = [item("run", "old", 50, "its-table"), item("dataset", "its-table", 50), item("run", "new", 1)]
    assert [one.key for one in removable(items, [], Rules(keep=1), NOW)] == ["its-table", "old"]


def test_a_kept_run_keeps_the_run_whose_files_it_reuses_and_that_ones_table() -> None:
    items = [item("run", "new", 1, "first"), item("run", "first", 50, "table"), item("dataset", "table", 50)]
    assert removable(items, [], Rules(keep=1), NOW) == []


def test_a_version_keeps_its_run_and_a_fresh_table_needs_nobody() -> None:
    items = [item("run", "of-version", 50), item("dataset", "fresh", 0.5), item("run", "other", 50)]
    assert [one.key for one in removable(items, ["of-version"], Rules(keep=0), NOW)] == ["other"]


def test_both_rules_must_let_go() -> None:
    items = [item("run", "young", 2), item("run", "old", 40), item("run", "older", 50)]
    assert [one.key for one in removable(items, [], Rules(1, timedelta(days=30)), NOW)] == ["older", "old"]
    assert [one.key for one in removable(items, [], Rules(2, timedelta(days=30)), NOW)] == ["older"]


def test_a_pipeline_keeps_its_own_newest() -> None:
    items = [item("run", "rare", 90, pipeline="rare"), item("run", "a", 3), item("run", "b", 2)]
    assert [one.key for one in removable(items, [], Rules(keep=1), NOW)] == ["a"]


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
def test_a_path_mentions_each_of_its_folders(name: str) -> None:
    document = {"uri": f"s3://bucket/runs/{name}/plots/x.png", "list": [{"deep": (name + ".",)}], "n": 3}
    assert name in set(mentioned({"uri": document["uri"]}))
    assert name in set(mentioned({"list": document["list"]}))
