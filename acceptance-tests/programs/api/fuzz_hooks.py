"""What schemathesis does before each call: signs it, lets it be about a cluster that exists, and keeps new clusters small."""

import configparser
import os

import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase

# It is deleted at the end, and not in the middle.
SPARED = "DeleteCluster"
BROKERS = ("numberOfBrokerNodes", "targetNumberOfBrokerNodes")

keys = configparser.ConfigParser()
keys.read(os.environ["OPENMSK_CREDENTIALS"])
CREDENTIALS = Credentials(keys["default"]["aws_access_key_id"], keys["default"]["aws_secret_access_key"])


class Signed(AuthBase):
    def __call__(self, request):
        copy = AWSRequest(method=request.method, url=request.url, data=request.body or b"", headers={})
        SigV4Auth(CREDENTIALS, "kafka", "us-east-1").add_auth(copy)
        request.headers.update(dict(copy.headers.items()))
        return request


def small(value):
    """Two brokers at most, wherever a number of them stands."""
    if isinstance(value, dict):
        for name in BROKERS:
            if isinstance(value.get(name), int):
                value[name] = min(value[name], 2)
        for inner in value.values():
            small(inner)


@schemathesis.hook
def before_call(context, case, kwargs):
    small(case.body)
    if "clusterArn" in (case.path_parameters or {}) and case.operation.definition.raw["operationId"] != SPARED:
        case.path_parameters["clusterArn"] = os.environ["OPENMSK_FUZZED_CLUSTER"]
    kwargs["auth"] = Signed()
