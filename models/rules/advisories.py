"""Finds advisories: facts about a customer that a user should check. PURE."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any

from models.rules.company_type import FITTING_TYPES, LIMITED_TYPES, PLC_TYPES
from models.rules.folding import searchable
from models.rules.profile import Profile

STRIKE_OFF = "active-proposal-to-strike-off"
"""The register's status detail of an active company that is about to be dissolved."""

DISSOLVED = "dissolved"
"""The register's status of a company that was dissolved."""

_FORMS = (
    "limited liability partnership|partneriaeth atebolrwydd cyfyngedig|llp|pac",
    "public limited company|cwmni cyfyngedig cyhoeddus|plc|ccc",
    "community interest company|cwmni buddiant cymunedol|cic|cbc",
    "limited|ltd|cyfyngedig|cyf",
)
"""Legal forms of the United Kingdom, in English and in Welsh."""

_LEGAL_FORMS = re.compile(rf"\b({'|'.join(_FORMS)}|the|and|co|company|cwmni)\b")
_ENDS_IN_FORM = re.compile(rf"(?:^|\s)(?P<form>{'|'.join(_FORMS)})(?:\s*\([^)]*\))*$")
_PLC = frozenset(_FORMS[1].split("|"))
_PARTNERSHIP = frozenset(_FORMS[0].split("|"))


_ABROAD = re.compile(
    r"\s(?:inc|incorporated|corp|corporation|llc|gmbh|sarl|srl|bv|nv|oyj|pty|sp z oo)$"
)
"""Matches a name that ends in a foreign legal form; forms that are also surnames are left out."""

_WORDS_ABROAD = """
  ab ag aps as bv corp corporation gmbh inc incorporated kg kk llc nv oy oyj pty sa sarl sas se spa
  srl ug
"""
_FORMS_ABROAD = frozenset(_WORDS_ABROAD.split())
"""Foreign legal forms, including those that are also surnames."""

_TRADING_AS = re.compile(
    r"\s+(?:t/a|t\.a\.?|ta|trading as|trading under the name)\s+", re.IGNORECASE
)
_COMPANIES = re.compile(r"[0-9]{8}|(?:SC|NI|R0)[0-9]{6}")
"""Matches numbers of companies, not those of partnerships, societies or overseas entities."""

_WORDS_OF_PERSONS = range(2, 5)
_WORD_OF_PERSON = re.compile(r"(?=[^\W\d_])[^\Wa-z\d_](?:[^\W\d_]|['\u2019-](?=[^\W\d_]))*\.?")
_BUSINESS = """
  accountants agency associates bakery bros brothers building builders cafe capital care centre
  charity church cleaning club college communications company construction consultancy
  consultants consulting council design digital electrical energy engineering enterprises
  estates events farm finance foods foundation garage global group healthcare holdings homes
  hotel house industries international investments legal logistics management marketing media
  motors network networks office partners partnership plumbing printing products properties
  property recruitment restaurant retail school security service services shop software
  solicitors solutions sons studio studios supplies support systems technologies technology
  telecom telecoms the trading training transport travel trust uk university ventures wales and
  of for limited
"""
_OF_BUSINESS = frozenset(_BUSINESS.split())
"""Words that occur in names of businesses but not of persons."""


@unique
class AdvisoryCode(StrEnum):
    """The kinds of advisories on a customer, including those on consent."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"
    CLASS_MISMATCH = "CLASS_MISMATCH"
    NAME_MISMATCH = "NAME_MISMATCH"
    COMPANY_RENAMED = "COMPANY_RENAMED"
    COMPANY_DISSOLVED = "COMPANY_DISSOLVED"
    COMPANY_NOT_ACTIVE = "COMPANY_NOT_ACTIVE"
    STRIKE_OFF_PROPOSED = "STRIKE_OFF_PROPOSED"
    NAME_DOES_NOT_FIT_CLASS = "NAME_DOES_NOT_FIT_CLASS"
    DUPLICATE_COMPANY_NUMBER = "DUPLICATE_COMPANY_NUMBER"


OF_NAMES = frozenset(
    {
        AdvisoryCode.NAME_MISMATCH,
        AdvisoryCode.COMPANY_RENAMED,
        AdvisoryCode.NAME_DOES_NOT_FIT_CLASS,
    }
)
"""Advisories that depend on the customer's name, and so reveal something about a masked name."""


MAX_NAMED = 3
"""Account numbers that the message of DUPLICATE_COMPANY_NUMBER may name."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """A fact about a customer that a user should check.

    `suggested_class_code` is the code of the shipped class that may fit the customer better, or
    None.
    """

    code: AdvisoryCode
    message: str
    suggested_class_code: str | None = None


def advisories(
    *,
    name: str,
    class_code: str | None,
    is_checked: bool,
    is_individual: bool,
    profile: Profile,
    consent_review_due_at: datetime | None,
    company_number: str | None = None,
    other_accounts: Sequence[str] = (),
    is_name_hidden: bool = False,
) -> list[Advisory]:
    """Return the advisories on a customer that do not depend on consent entries (A21, R30).

    `is_checked` tells whether the customer's class is checked at Companies House, `is_individual`
    whether the class is for individuals. `other_accounts` are the account numbers of other
    customers with the same company number. With `is_name_hidden`, advisories that depend on the
    name of an individual are left out.
    """
    found = []
    if consent_review_due_at is not None:
        found.append(
            Advisory(
                AdvisoryCode.REVIEW_CONSENT,
                "The customer changed between individual and organisation on"
                f" {consent_review_due_at.date().isoformat()}: review the consent on record.",
            )
        )
    details = profile.get("details") or {}
    if details and is_checked:
        found += _of_register(name, class_code, details)
    else:
        if is_individual:
            found += _of_individual(class_code, details, company_number)
        found += _of_name(name, class_code, is_checked=is_checked, is_individual=is_individual)
    if other_accounts:
        found.append(_duplicate(company_number, other_accounts))
    if is_individual and is_name_hidden:
        return [one for one in found if one.code not in OF_NAMES]
    return found


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names differ at most in case, accents, punctuation and legal form."""
    return _bare(one) == _bare(other)


def legal_form(name: str) -> str | None:
    """Return the UK legal form at the end of a name, in lower case; None if there is none.

    For "A trading as B", this is the legal form of A, or else of B.
    """
    for part in _TRADING_AS.split(name):
        if ending := _ENDS_IN_FORM.search(_plain(part)):
            return ending["form"]
    return None


def _plain(name: str) -> str:
    return searchable(name).replace(".", "").rstrip(" ,;")


def is_like_a_person(name: str) -> bool:
    """Return whether a name looks like a person's: 2 to 4 capitalised words, none in _OF_BUSINESS.

    For "A trading as B", only A is examined.
    """
    words = _TRADING_AS.split(name)[0].split()
    return (
        len(words) in _WORDS_OF_PERSONS
        and all(map(_WORD_OF_PERSON.fullmatch, words))
        and legal_form(name) is None
        and _plain(words[-1]) not in _FORMS_ABROAD
        and not _OF_BUSINESS & {word.casefold() for word in words}
    )


def _bare(name: str) -> str:
    words = searchable(name).replace("&", " and ").replace(".", "")
    letters = (_letters(_LEGAL_FORMS.sub(" ", words)), _letters(words))
    return letters[0] or letters[1]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _of_register(name: str, class_code: str | None, details: Mapping[str, Any]) -> list[Advisory]:
    """Return advisories from comparing a customer with the data of Companies House (`details`)."""
    found = []
    status, registered = details.get("company_status"), details.get("company_name")
    mismatch = _class_mismatch(class_code, details.get("company_type"))
    if mismatch is not None:
        found.append(mismatch)
    if not is_same_name(name, registered or ""):
        found.append(_other_name(name, details))
    if status == DISSOLVED:
        ceased_on = details.get("ceased_on")
        found.append(
            Advisory(
                AdvisoryCode.COMPANY_DISSOLVED,
                f"The company was dissolved{f' on {ceased_on}' if ceased_on else ''}.",
            )
        )
    elif status not in {None, "active", "open", "registered"}:
        found.append(
            Advisory(
                AdvisoryCode.COMPANY_NOT_ACTIVE,
                f"The company's status at Companies House is “{status}”.",
            )
        )
    if details.get("company_status_detail") == STRIKE_OFF:
        found.append(
            Advisory(
                AdvisoryCode.STRIKE_OFF_PROPOSED,
                "The company is about to be struck off the Companies House register: it will be"
                " dissolved unless somebody objects.",
            )
        )
    return found


def _other_name(name: str, details: Mapping[str, Any]) -> Advisory:
    """Return the advisory on a name that differs: the company's former one, or another's."""
    registered = details.get("company_name")
    for previous in details.get("previous_names") or ():
        if is_same_name(name, previous["name"]):
            until_on = previous["ceased_on"]
            since = f" since {until_on}" if until_on else ""
            return Advisory(
                AdvisoryCode.COMPANY_RENAMED,
                f"The company has had another name at Companies House{since}, “{registered}”:"
                " rename the customer.",
            )
    return Advisory(
        AdvisoryCode.NAME_MISMATCH,
        f"Companies House has the name “{registered}” for the customer's company number: check the"
        " number.",
    )


def _of_name(
    name: str, class_code: str | None, *, is_checked: bool, is_individual: bool
) -> list[Advisory]:
    """Return advisories from comparing the name with the class, without register data."""
    form, is_reseller = legal_form(name), _is_of_reseller(class_code)
    if is_individual and form is not None:
        suggested = None if form in _PARTNERSHIP else _company(class_code, is_plc=form in _PLC)
        return [_name_of_company(suggested)]
    if is_individual and _ABROAD.search(_plain(_TRADING_AS.split(name)[0])):
        return [_name_of_company("RESELLER_OTHER" if is_reseller else "COMPANY_INTERNATIONAL")]
    is_of_companies = is_checked or class_code == "COMPANY_INTERNATIONAL"
    if is_of_companies and not is_individual and is_like_a_person(name):
        return [
            Advisory(
                AdvisoryCode.NAME_DOES_NOT_FIT_CLASS,
                "The class is for companies, but the customer's name looks like a person's: check"
                " that the customer is not a sole trader.",
                "RESELLER_SOLE_TRADER" if is_reseller else "SOLE_TRADER",
            )
        ]
    return []


def _name_of_company(suggested: str | None) -> Advisory:
    return Advisory(
        AdvisoryCode.NAME_DOES_NOT_FIT_CLASS,
        "The customer's name ends in the legal form of a company, but the class is for individuals:"
        " check the class.",
        suggested,
    )


def _of_individual(
    class_code: str | None, details: Mapping[str, Any], company_number: str | None
) -> list[Advisory]:
    """Return an advisory if a customer in a class for individuals seems to be a company (R5)."""
    company_type = details.get("company_type")
    if company_type in LIMITED_TYPES | PLC_TYPES:
        message = f"According to Companies House, this is a company of the type {company_type}"
        suggested = _company(class_code, is_plc=company_type in PLC_TYPES)
    elif company_type is None and _COMPANIES.fullmatch(company_number or ""):
        message = "The customer's company number is that of a company"
        suggested = _company(class_code, is_plc=False)
    else:
        return []
    message = f"{message}, but the class is for individuals: check the class and the number."
    return [Advisory(AdvisoryCode.CLASS_MISMATCH, message, suggested)]


def _duplicate(company_number: str | None, accounts: Sequence[str]) -> Advisory:
    named = ", ".join(accounts[:MAX_NAMED])
    more = " and more" if len(accounts) > MAX_NAMED else ""
    is_one = len(accounts) == 1
    who = "Another customer has" if is_one else "Other customers have"
    message = f"{who} the same company number, {company_number}: account"
    message = f"{message} {named}." if is_one else f"{message}s {named}{more}."
    return Advisory(
        AdvisoryCode.DUPLICATE_COMPANY_NUMBER,
        f"{message} Check that the customer is not stored twice.",
    )


def _company(class_code: str | None, *, is_plc: bool) -> str:
    """Return the code of the shipped company class to suggest instead of `class_code`."""
    if _is_of_reseller(class_code):
        return "RESELLER_UK_COMPANY"
    return "COMPANY_UK_PLC" if is_plc else "COMPANY_UK_LIMITED"


def _is_of_reseller(class_code: str | None) -> bool:
    return (class_code or "").startswith("RESELLER_")


def _class_mismatch(class_code: str | None, company_type: str | None) -> Advisory | None:
    fitting = FITTING_TYPES.get(class_code or "", LIMITED_TYPES | PLC_TYPES)
    if company_type is None or company_type in fitting:
        return None
    suggested = None
    if class_code in FITTING_TYPES and company_type in PLC_TYPES:
        suggested = "COMPANY_UK_PLC"
    elif class_code in FITTING_TYPES and company_type in LIMITED_TYPES:
        suggested = "COMPANY_UK_LIMITED"
    elif class_code == "RESELLER_UK_COMPANY":
        suggested = "RESELLER_OTHER"
    return Advisory(
        AdvisoryCode.CLASS_MISMATCH,
        f"According to Companies House, this is a company of the type {company_type}, which does"
        " not fit the customer's class.",
        suggested,
    )
