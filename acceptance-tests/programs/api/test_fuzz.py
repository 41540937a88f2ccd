"""Thousands of calls that schemathesis makes up from our OpenAPI document, about a cluster that exists: whatever is asked, it is
our caller's fault or it works, and the runtime is as well afterwards as it was before."""

import os
import subprocess
import sys
import tempfile
import unittest

from support import ENDPOINT, KAFKA, delete_cluster, make_cluster, state, wait

CALLS_EACH = 20


class Fuzz(unittest.TestCase):
    def test_nothing_that_is_asked_is_our_fault(self):
        arn = make_cluster("fuzzed", NumberOfBrokerNodes=2)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"{ENDPOINT}/openmsk/v1/openapi.json"]
            command += ["--url", ENDPOINT, "--checks", "not_a_server_error", "--phases", "coverage,fuzzing"]
            command += ["--max-examples", str(CALLS_EACH), "--seed", "1", "--no-shrink", "--continue-on-failure"]
            command += ["--warnings", "off", "--max-time", "45", "--suppress-health-check", "all"]
            environment = {
                **os.environ,
                "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)),
                "SCHEMATHESIS_HOOKS": "fuzz_hooks",
                "OPENMSK_FUZZED_CLUSTER": arn,
            }
            done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertIn("Tested: 64", done.stdout)
        # It still does what it is for.
        wait("the end of what was begun", lambda: state(arn) in ("ACTIVE", "FAILED"), 120)
        self.assertEqual(state(arn), "ACTIVE")
        for cluster in KAFKA.get_paginator("list_clusters_v2").paginate().search("ClusterInfoList[]"):
            delete_cluster(cluster["ClusterArn"])


if __name__ == "__main__":
    unittest.main()
