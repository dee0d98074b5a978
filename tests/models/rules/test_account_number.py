"""Generating account numbers."""

import re

from models.rules.account_number import ALPHABET, new_account_number


def test_an_account_number_can_be_read_out_and_typed() -> None:
    numbers = {new_account_number() for _ in range(1_000)}
    assert len(numbers) == 1_000
    for number in numbers:
        assert re.fullmatch(rf"CU-[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}", number)


def test_the_alphabet_has_no_look_alikes() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)
