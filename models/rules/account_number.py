"""Generates account numbers for customers that were created without one. PURE."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L, O and U, which are misread or form words."""

RANDOM_BITS = 50


def new_account_number() -> str:
    """Return a random number such as `CU-7K3M9-QX2WB`; 50 bits make collisions improbable."""
    number = secrets.randbits(RANDOM_BITS)
    made = "".join(ALPHABET[number >> place & 31] for place in range(0, RANDOM_BITS, 5))
    return f"CU-{made[:5]}-{made[5:]}"
