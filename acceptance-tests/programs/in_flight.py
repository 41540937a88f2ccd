"""An idempotent producer that has not heard what became of its last five batches, and sends them again. kafka-python.

usage: in_flight.py send  BOOTSTRAP CA USER TOPIC FILE    sends them, and writes down who it was and where they are
       in_flight.py again BOOTSTRAP CA USER TOPIC FILE    sends the same, and expects to be told the same

All go to partition 0. The password is in KAFKA_PASSWORD.
"""

import json
import os
import sys
import time

from kafka import KafkaProducer, TopicPartition
from kafka.producer.transaction_manager import ProducerIdAndEpoch

ACTION, BOOTSTRAP, CA, USER, TOPIC, FILE = sys.argv[1:]
BATCHES = 5
PARTITION = TopicPartition(TOPIC, 0)

producer = KafkaProducer(
    bootstrap_servers=BOOTSTRAP.split(","),
    security_protocol="SASL_SSL",
    sasl_mechanism="SCRAM-SHA-512",
    ssl_cafile=CA,
    sasl_plain_username=USER,
    sasl_plain_password=os.environ["KAFKA_PASSWORD"],
    enable_idempotence=True,
    acks="all",
)
# There is no way to say who a producer is but to reach into it.
state = producer._transaction_manager
deadline = time.monotonic() + 60
while not state.has_producer_id():
    if time.monotonic() > deadline:
        sys.exit("the producer has got no id")
    time.sleep(0.05)
known = {}
if ACTION == "again":
    with open(FILE) as file:
        known = json.load(file)
    state.set_producer_id_and_epoch(ProducerIdAndEpoch(known["id"], known["epoch"]))
    state.set_sequence_number(PARTITION, 0)
offsets = []
for number in range(BATCHES):
    sent = producer.send(TOPIC, key=b"in flight", value=b"%d" % number, partition=0)
    offsets.append(sent.get(timeout=60).offset)
who = state.producer_id_and_epoch
told = {"id": who.producer_id, "epoch": who.epoch, "offsets": offsets}
producer.close()
if ACTION == "send":
    with open(FILE, "w") as file:
        json.dump(told, file)
elif told != known:
    sys.exit(f"told {told}, and before {known}")
