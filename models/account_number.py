"""Makes account numbers for customers that come without one. PURE."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, which are misread or spell words."""

RANDOM_CHARACTERS = 10


def new_account_number() -> str:
    """Make a number such as `CU-7K3M9-QX2WB`; 50 random bits keep collisions out of reach."""
    made = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"CU-{made[:5]}-{made[5:]}"
