"""Pages of metrics for Prometheus, read with its own Python library. As a program it reads the page of a machine: `scraped.py HOST PORT`."""

import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def page(host, port):
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def samples(host, port):
    """Values by name and labels."""
    found = {}
    for family in text_string_to_metric_families(page(host, port)):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def expect_machine(host, port):
    """The page there is that of a machine, with the names of Prometheus' node exporter, and makes sense."""
    machine = samples(host, port)
    total, free = (machine[(f"node_memory_{name}_bytes",)] for name in ("MemTotal", "MemFree"))
    assert total > free > 0, (total, free)
    assert machine[("node_cpu_seconds_total", ("cpu", "0"), ("mode", "idle"))] > 0, machine
    assert machine[("node_network_receive_bytes_total", ("device", "lo"))] >= 0, machine
    assert any(key[0] == "node_filesystem_size_bytes" for key in machine), machine


if __name__ == "__main__":
    expect_machine(sys.argv[1], int(sys.argv[2]))
    print("ok")
