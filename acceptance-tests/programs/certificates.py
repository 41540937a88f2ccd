"""A producer and a consumer with default settings work while somebody else rotates the certificates of the brokers.

usage: certificates.py BOOTSTRAP CA USER TOPIC

Says `ready` once records flow, and goes on until it is given a line. Then records have to flow on old connections and on
new ones, and every broker has to show another certificate than before, to a TLS client that believes the authority only.
The password is in KAFKA_PASSWORD.
"""

import json
import socket
import ssl
import sys
import threading
import time

from confluent_kafka import Consumer, Producer
from librdkafka import client

BOOTSTRAP, CA, USER, TOPIC = sys.argv[1:]
CLIENT = client(BOOTSTRAP, CA, USER)
LIMIT_S = 90
# What shows that records flow.
FLOWING = 200


def shown():
    """Serial number and end of each broker's certificate."""
    context, found = ssl.create_default_context(cafile=CA), {}
    for server in BOOTSTRAP.split(","):
        host, port = server.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            with context.wrap_socket(connection, server_hostname=host) as tls:
                certificate = tls.getpeercert()
        found[server] = (certificate["serialNumber"], certificate["notAfter"])
    return found


class Flow:
    """Records from a producer to a consumer; whatever either of them calls an error is kept."""

    def __init__(self, group):
        self.errors, self.acknowledged, self.read, self.sent = [], 0, set(), 0
        self.ended = threading.Event()
        self.run, told = f"{group}-{time.time_ns()}", {"error_cb": lambda error: self.errors.append(str(error))}
        self.producer = Producer({**CLIENT, **told})
        self.consumer = Consumer({**CLIENT, **told, "group.id": self.run, "auto.offset.reset": "earliest"})
        self.consumer.subscribe([TOPIC])
        self.threads = [threading.Thread(target=it) for it in (self.write, self.follow)]
        for thread in self.threads:
            thread.start()

    def write(self):
        while not self.ended.is_set():
            self.producer.produce(TOPIC, value=f"{self.run}-{self.sent}", on_delivery=self.delivered)
            self.sent += 1
            self.producer.poll(0.002)
        self.producer.flush(LIMIT_S)

    def delivered(self, error, _message):
        if error is None:
            self.acknowledged += 1
        else:
            self.errors.append(f"delivery: {error}")

    def follow(self):
        deadline = None
        while True:
            message = self.consumer.poll(0.1)
            if message is not None and message.error() is not None:
                self.errors.append(f"consumer: {message.error()}")
            elif message is not None and message.value().decode().startswith(self.run):
                self.read.add(message.value())
            if self.ended.is_set() and not self.threads[0].is_alive():
                deadline = deadline or time.monotonic() + LIMIT_S
                if len(self.read) >= self.acknowledged or time.monotonic() > deadline:
                    return self.consumer.close()

    def flows(self):
        """Waits for further records, and gives the errors until then."""
        wanted, deadline = len(self.read) + FLOWING, time.monotonic() + LIMIT_S
        while len(self.read) < wanted:
            if time.monotonic() > deadline:
                self.errors.append(f"only {len(self.read)} of {self.acknowledged} records were read")
                break
            time.sleep(0.01)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        if not self.sent == self.acknowledged == len(self.read):
            self.errors.append(f"{self.sent} were sent, {self.acknowledged} acknowledged, {len(self.read)} read")
        return self.errors


before, flow = shown(), Flow("old")
flow.flows()
print("ready", flush=True)
sys.stdin.readline()
flow.flows()
fresh = Flow("new")
fresh.flows()
errors, after = flow.end() + fresh.end(), shown()
for server, was in before.items():
    if after[server][0] == was[0]:
        errors.append(f"{server} still shows the certificate with serial number {was[0]}")
print(json.dumps({"before": before, "after": after, "read": len(flow.read), "errors": errors}))
sys.exit(1 if errors else 0)
