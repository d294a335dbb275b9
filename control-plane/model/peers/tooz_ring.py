"""Asks the hash ring of tooz, which Ironic uses, what the lines of JSON on the standard input say: tooz_ring.py LOOKUPS."""

import json
import sys

from tooz import hashring

wanted, looked_up = int(sys.argv[1]), 0
for line in sys.stdin:
    asked = json.loads(line)
    # As in ironic/common/hash_ring.py: nodes are bytes, and so are keys.
    ring = hashring.HashRing(asked["hosts"], partitions=asked["partitions"], hash_function=asked["algorithm"])
    for key, expected in asked["lookups"]:
        (found,) = ring.get_nodes(key.encode(), replicas=1)
        if found != expected:
            sys.exit(f"tooz_ring.py: {key} belongs to {found}, not to {expected}, in {asked['hosts']}, {asked['algorithm']}")
        looked_up += 1
if looked_up < wanted:
    sys.exit(f"tooz_ring.py: only {looked_up} look-ups came, not {wanted}")
print(f"look-ups: {looked_up}, as tooz has them")
