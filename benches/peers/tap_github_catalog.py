"""Selects the stream `commits`, and nothing else, in the catalogue that tap-github discovered. Argument: the file."""

import json
import sys

with open(sys.argv[1]) as file:
    catalogue = json.load(file)
for stream in catalogue["streams"]:
    chosen = stream["tap_stream_id"] == "commits"
    stream["schema"]["selected"] = chosen
    for entry in stream["metadata"]:
        if entry["breadcrumb"] == []:
            entry["metadata"]["selected"] = chosen
with open(sys.argv[1], "w") as file:
    json.dump(catalogue, file)
