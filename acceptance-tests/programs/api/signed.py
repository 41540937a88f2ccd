"""Requests that no SDK makes: signed, and sent as they are."""

import http.client
import json
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support import ENDPOINT, root_key


def send(method, path, body=b"", key=None, service="kafka", headers=None, change=lambda request: None, sign=SigV4Auth):
    """Sends a request as it is: (status, body, headers)."""
    request = AWSRequest(method=method, url=ENDPOINT + path, data=body, headers=headers or {})
    sign(Credentials(*(key or root_key())), service, "us-east-1").add_auth(request)
    change(request)
    parsed = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(parsed.hostname, parsed.port, timeout=10)
    target = parsed.path + (f"?{parsed.query}" if parsed.query else "")
    connection.request(method, target, body=body, headers=dict(request.headers.items()))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text) if text.startswith("{") else text, answer.headers
