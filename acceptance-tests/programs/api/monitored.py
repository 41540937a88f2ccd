"""What a cluster shows of itself: its exporters' pages, read with Prometheus' own Python library, and the logs it delivers."""

import glob
import gzip
import os
import urllib.error
import urllib.request

from prometheus_client.openmetrics import parser as openmetrics_parser
from scraped import page, samples
from support import ENDPOINT, KAFKA, ROOT_ACCOUNT

JMX, NODE = 11001, 11002


def exporters(jmx, node):
    return {"Prometheus": {"JmxExporter": {"EnabledInBroker": jmx}, "NodeExporter": {"EnabledInBroker": node}}}


def to_s3(bucket, prefix=None):
    return {"BrokerLogs": {"S3": {"Enabled": True, "Bucket": bucket, **({"Prefix": prefix} if prefix else {})}}}


def hosts(arn):
    """As MSK's guide to Prometheus has them: the endpoints of the nodes that are brokers."""
    nodes = KAFKA.list_nodes(ClusterArn=arn)["NodeInfoList"]
    return [endpoint for it in nodes if "BrokerNodeInfo" in it for endpoint in it["BrokerNodeInfo"]["Endpoints"]]


def overview():
    """What the control plane's own page says of all clusters, read as OpenMetrics: values by name and labels."""
    with urllib.request.urlopen(f"{ENDPOINT}/openmsk/v1/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for family in openmetrics_parser.text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def over_brokers(arn, metric, **labels):
    """A sample of every broker; 0 where one has none."""
    return [samples(host, JMX).get((metric, *sorted(labels.items())), 0) for host in hosts(arn)]


def is_closed(host, port):
    try:
        page(host, port)
    except urllib.error.URLError as error:
        return isinstance(error.reason, ConnectionRefusedError)
    return False


def objects(arn, bucket, prefix=""):
    name = arn.split(":cluster/")[1].replace("/", "-")
    folder = f"AWSLogs/{ROOT_ACCOUNT}/KafkaBrokerLogs/us-east-1/{name}"
    return glob.glob(os.path.join(os.environ["OPENMSK_DATA"], "buckets", bucket, prefix, folder, "*", "*.log.gz"))


def text(paths, broker):
    """What was delivered of a broker's log, in the order in which that was done."""
    own = [path for path in paths if os.path.basename(path).startswith(f"Broker-{broker}_")]
    return "".join(gzip.open(path, "rt").read() for path in sorted(own, key=lambda path: os.stat(path).st_mtime_ns))
