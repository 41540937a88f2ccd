"""What the API tests share: clients, waiting, refusals, and the record of what has been called.

Environment: OPENMSK_ENDPOINT, OPENMSK_CREDENTIALS (a file), OPENMSK_RUNTIME (the broker-runtime program),
OPENMSK_DATA (its data directory), OPENMSK_PUBLIC_ADDRESS (that of `serve --public-address`), OPENMSK_CALLED (a file that
gets a line for each call and each error).
"""

import atexit
import base64
import configparser
import json
import os
import ssl
import subprocess
import sys
import time
import uuid

ENDPOINT = os.environ["OPENMSK_ENDPOINT"]
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
    os.environ.pop(name, None)
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.environ["OPENMSK_CREDENTIALS"]
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

import boto3  # noqa: E402  (reads the environment when it is imported)
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

ROOT_ACCOUNT = "000000000000"
# Wrong requests have to reach the server: the client must not refuse them itself.
ONCE = {"retries": {"max_attempts": 1}, "parameter_validation": False}
CALLED = set()


def record(model, **_):
    if model.service_model.service_name == "kafka":
        CALLED.add(f"operation {model.name}")


def record_error(parsed, model, **_):
    if model.service_model.service_name == "kafka" and "Error" in parsed:
        code = parsed["Error"].get("Code", "")
        CALLED.add(f"error {code}")
        allowed = {shape.error_code if hasattr(shape, "error_code") else shape.name for shape in model.error_shapes}
        allowed |= {shape.name for shape in model.error_shapes}
        always = {"ForbiddenException", "TooManyRequestsException", "UnrecognizedClientException"}
        always |= {"InvalidSignatureException", "MissingAuthenticationTokenException"}
        assert code in allowed | always, f"{model.name} answered {code}, which its model does not name"


@atexit.register
def write_called():
    with open(os.environ["OPENMSK_CALLED"], "a") as file:
        file.writelines(f"{line}\n" for line in sorted(CALLED))


def client(service, region="us-east-1", key=None, **config):
    """`key`: id, secret and, of temporary credentials, the session token."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    keys = dict(zip(names, key)) if key else {}
    made = boto3.client(
        service, region_name=region, endpoint_url=ENDPOINT, config=Config(**{**ONCE, **config}), **keys
    )
    made.meta.events.register("before-call.kafka", record)
    made.meta.events.register("after-call.kafka", record_error)
    return made


KAFKA = client("kafka")
SECRETS = client("secretsmanager")


def runtime(*arguments, ok=True):
    """Runs a subcommand of broker-runtime and gives its standard output."""
    command = [os.environ["OPENMSK_RUNTIME"], *arguments, "--data-dir", os.environ["OPENMSK_DATA"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == ok, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout if ok else done.stderr


def root_key():
    """The key of the credentials file: (id, secret)."""
    credentials = client("kafka")._request_signer._credentials
    return credentials.access_key, credentials.secret_key


def make_key(*arguments):
    """A new access key: (id, secret)."""
    made = configparser.ConfigParser()
    made.read_string(runtime("keys", "create", *arguments))
    return made["default"]["aws_access_key_id"], made["default"]["aws_secret_access_key"]


def policy_file(folder, *statements):
    path = os.path.join(folder, f"{uuid.uuid4()}.json")
    with open(path, "w") as file:
        json.dump({"Version": "2012-10-17", "Statement": list(statements)}, file)
    return path


def wait(what, condition, limit_s=60):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.03)
    raise AssertionError(f"waited in vain for {what}")


def refused(code, call, parameter=None, **arguments):
    """The message of a call that must be refused with an error of this code."""
    try:
        call(**arguments)
    except ClientError as error:
        said = error.response
        assert said["Error"]["Code"] == code, error
        assert said["ResponseMetadata"]["RequestId"], said
        if parameter is not None:
            assert said.get("InvalidParameter") == parameter, said
        return said["Error"]["Message"]
    raise AssertionError(f"{code} was expected")


def state(arn, kafka=KAFKA):
    return kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"]


def info(arn):
    return KAFKA.describe_cluster(ClusterArn=arn)["ClusterInfo"]


def finish(answer):
    """Waits for the operation that a change has begun, and gives it."""
    operation = answer["ClusterOperationArn"]
    found = {}

    def done():
        described = KAFKA.describe_cluster_operation(ClusterOperationArn=operation)["ClusterOperationInfo"]
        found.update(described)
        kind = "REBOOT" if described["OperationType"] == "REBOOT_NODE" else "UPDATE"
        states = ("PENDING", f"{kind}_IN_PROGRESS", f"{kind}_COMPLETE")
        assert described["OperationState"] in states, described
        return described["OperationState"] == states[2]

    wait(operation, done)
    return found


def shown(arn):
    """The certificate of each broker, as its listener shows it."""
    servers = sorted(KAFKA.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"].split(","))
    addresses = (server.rsplit(":", 1) for server in servers)
    return [ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port)))) for host, port in addresses]


GROUP = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["subnet-a", "subnet-b", "subnet-c"]}


def make_cluster(name, kafka=KAFKA, **changes):
    arguments = {
        "ClusterName": name,
        "KafkaVersion": "4.2.x.kraft",
        "NumberOfBrokerNodes": 1,
        "BrokerNodeGroupInfo": GROUP,
        **changes,
    }
    arn = kafka.create_cluster(**arguments)["ClusterArn"]
    wait(f"{name} to be ACTIVE", lambda: state(arn, kafka) == "ACTIVE")
    return arn


def delete_cluster(arn, kafka=KAFKA):
    kafka.delete_cluster(ClusterArn=arn)

    def gone():
        try:
            assert state(arn, kafka) == "DELETING"
        except kafka.exceptions.NotFoundException:
            return True

    wait(f"{arn} to be gone", gone)


def update(call, arn, **arguments):
    """A change of a cluster, waited for; the version of the cluster is another one after it."""
    before = info(arn)["CurrentVersion"]
    operation = finish(call(ClusterArn=arn, CurrentVersion=before, **arguments))
    assert state(arn) == "ACTIVE"
    assert info(arn)["CurrentVersion"] != before
    return operation


def pages(operation, key, **arguments):
    """All rows of a paginator, a few at a time."""
    rows = []
    paginator = KAFKA.get_paginator(operation)
    for page in paginator.paginate(PaginationConfig={"PageSize": 2}, **arguments):
        assert len(page.get(key, [])) <= 2, page
        rows.extend(page.get(key, []))
    return rows


def encoded(configs):
    """Topic configuration, as the API has it."""
    return base64.b64encode(json.dumps(configs).encode()).decode()


def decoded(text):
    return json.loads(base64.b64decode(text))


def brokers(cluster):
    """What `status` says of the brokers of a cluster."""
    status = json.loads(runtime("status", "--json"))
    return next(it for it in status["clusters"] if it["name"] == cluster)["brokers"]


def broker_pid(cluster):
    return brokers(cluster)[0].get("pid")


def files(arn, *path):
    """A file in the directory of a cluster."""
    uuid_of = arn.rpartition("/")[2].rpartition("-")[0]
    return os.path.join(os.environ["OPENMSK_DATA"], "clusters", uuid_of, *path)


def authority(arn):
    """The file with the certificate authority of a cluster."""
    return files(arn, "ca.pem")


def log(text):
    print(text, file=sys.stderr)
