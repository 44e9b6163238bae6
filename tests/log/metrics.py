#!/usr/bin/python3
"""Metrics, as Prometheus' own client reads them. In: the text on standard input. Out: JSON: for each family its type, and its
samples as [name, labels, value]."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {
    family.name: [family.type, [[sample.name, sample.labels, sample.value] for sample in family.samples]]
    for family in text_string_to_metric_families(sys.stdin.read())
}
json.dump(families, sys.stdout)
