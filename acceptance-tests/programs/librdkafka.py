"""What every program here that uses librdkafka says of its cluster: SASL_SSL with SCRAM, the password in KAFKA_PASSWORD."""

import os


def client(bootstrap, authority, user):
    """Settings of a client. `authority` is a file with the certificate of the cluster's authority."""
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": os.environ["KAFKA_PASSWORD"],
        "ssl.ca.location": authority,
    }
