"""How often the security tests try: enough to notice in CI, and the full count in `./dev security`."""

import os
import secrets

FULL = os.environ.get("FREEHOLD_COUNTS") == "full"
SEED = os.environ.get("FREEHOLD_SEED") or (secrets.token_hex(4) if FULL else "interleaved")  # the same in CI each time

TENANTS = 50
REQUESTS = 10_000 if FULL else 400
HITS = 50 if FULL else 1  # at least so often each kind of fault really happens
EXAMPLES = 1_000 if FULL else 50  # of the state machine; so many also have to find each planted fault
STEPS = 40 if FULL else 25
