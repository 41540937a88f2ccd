"""Says that it is ready, reads one JSON line that tells where to write to, and writes one record with acks=all.

The password is in KAFKA_PASSWORD.
"""

import json
import os
import sys

from confluent_kafka import Producer

print("ready", flush=True)
target = json.loads(sys.stdin.readline())
result = []
producer = Producer(
    {
        "bootstrap.servers": target["bootstrap"],
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": target["user"],
        "sasl.password": os.environ["KAFKA_PASSWORD"],
        "ssl.ca.pem": target["authority"],
        "acks": "all",
        "linger.ms": 0,
    }
)
producer.produce(target["topic"], value="first", on_delivery=lambda error, _: result.append(error))
producer.flush(30)
failures = [error.name() for error in result if error is not None]
print("acknowledged" if result and not failures else f"failed: {failures or 'no answer'}", flush=True)
