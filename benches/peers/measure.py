"""Runs a command and prints its wall time, processor time and peak memory as JSON: the same way for every contestant."""

import json
import resource
import subprocess
import sys
import time

start = time.monotonic()
with open(sys.argv[1], "wb") as output:
    done = subprocess.run(sys.argv[2:], stdout=output, stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(
    json.dumps(
        {
            "code": done.returncode,
            "wall_seconds": time.monotonic() - start,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_mib": used.ru_maxrss / 1024,
        }
    )
)
