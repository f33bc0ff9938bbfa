"""The alert rules and the dashboard that are shipped ask for metrics, labels and values that there are."""

import json
import re
from pathlib import Path

import pytest
from django.utils import timezone

from filsluss.models import Heartbeat
from filsluss.ops import metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
BOARD = json.loads((DEPLOY / "grafana" / "filsluss.json").read_text())
OF_PROMETHEUS = {"job", "instance"}


def expressions():
    yield from re.findall(r"^ +expr: (.+)$", ALERTS, re.MULTILINE)
    for panel in BOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.fixture
def samples(db):
    """By name: label names, and the values of each, of all that a process tells."""
    Heartbeat.objects.create(name="worker", at=timezone.now())
    metrics.count_request("/", "200 OK")
    metrics.count_request("/", "500 Internal Server Error")
    for way in ("in", "out"):
        metrics.moving.labels("1", way).set(0)
    found = {}
    for family in metrics.registry.collect():
        found.setdefault(family.name, {})
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def test_every_metric_and_every_value_of_a_label_is_told(samples):
    for expression in expressions():
        for name, _, choice in re.findall(r"(filsluss_\w+)(\{([^}]*)\})?", expression):
            assert name in samples, expression
            for label, value in re.findall(r'(\w+)!?="([^"]*)"', choice):
                assert value in samples[name][label], expression


def test_what_is_grouped_by_is_a_label_of_the_metric(samples):
    grouped = re.compile(r"by \(([\w, ]+)\) \((?:rate\()?(filsluss_\w+)")
    of_nodes = {"filsluss_node_heartbeat_age_seconds": {"part", "node"}}
    for labels, name in (found for each in expressions() for found in grouped.findall(each)):
        assert set(labels.split(", ")) <= set(samples[name]) | of_nodes.get(name, set()), name


def test_every_metric_of_the_rows_is_on_the_dashboard(samples):
    shown = json.dumps(BOARD)
    assert [
        name for name in samples if not name.endswith(("_created", "_requests")) and name not in shown
    ] == []


def test_every_alert_has_what_prometheus_asks_for():
    names = re.findall(r"- alert: (\w+)$", ALERTS, re.MULTILINE)
    assert len(set(names)) == len(names) >= 8
    for key in ("expr: ", "for: ", "labels: {severity: ", "annotations:", "summary: "):
        assert len(re.findall(rf"^ +{re.escape(key)}", ALERTS, re.MULTILINE)) == len(names), key
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
