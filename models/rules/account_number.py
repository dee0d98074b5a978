"""Makes account numbers for customers that come without one. PURE."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, which are misread or spell words."""

RANDOM_BITS = 50


def new_account_number() -> str:
    """Make a number such as `CU-7K3M9-QX2WB`; that many bits keep collisions out of reach."""
    number = secrets.randbits(RANDOM_BITS)
    made = "".join(ALPHABET[number >> place & 31] for place in range(0, RANDOM_BITS, 5))
    return f"CU-{made[:5]}-{made[5:]}"
