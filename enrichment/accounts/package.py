"""Finds the accounts document in a filed zip package (CIC, audit-exempt subsidiary, UKSEF)."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from enrichment.accounts.model import AccountsRefused, RefusalCode

MAX_BYTES = 20 * 1024 * 1024
MAX_MEMBERS = 200
MAX_DIRECTORY_BYTES = 64 * 1024
MAX_RATIO = 200
RATIO_FREE_BYTES = 1024 * 1024

ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_END_SIGNATURE = b"PK\x05\x06"
_END_BYTES = 22
_MAX_COMMENT = 0xFFFF
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_ENCRYPTED = 0x1
_PAGES = (".xhtml", ".html", ".htm")
_INSTANCES = (".xml", ".xbrl")
_SUBSIDIARY_FOLDER = "subsidiaryaccounts"
_ACCOUNTS_FOLDER = "accounts"
_REPORTS_FOLDER = "reports"
_OTHER_FILINGS = frozenset({"agreement", "guarantee", "cic34"})
_OTHER_COMPANIES = re.compile(
    r"(?:parents?(?:company)?|group|consolidated)+(?:annual)?"
    r"(?:accounts?|reports?|(?:financial)?statements?)?"
)
_FINDER_FOLDER = "macosx"


def is_zip(content: bytes) -> bool:
    """Return whether the bytes are a zip file, whatever the name: some `.zip` files are HTML."""
    return content.startswith(ZIP_SIGNATURES)


def accounts_document(content: bytes) -> bytes:
    """Return the accounts document of the company itself from the bytes of a zip package.

    It is under `accounts/` in the package of a community interest company (CIC), under
    `subsidiary-accounts/` in that of an audit-exempt subsidiary, and under `reports/` in a UKSEF
    report. The CIC 34 report and the parent's consolidated accounts in the package are ignored.

    Raises AccountsRefused: ZIP_UNSAFE, ZIP_NO_ACCOUNTS, ZIP_AMBIGUOUS or TOO_LARGE.
    """
    _check_directory(content)
    try:
        with ZipFile(BytesIO(content)) as package:
            member = _accounts_member(package.infolist())
            document = _read(package, member)
    except (BadZipFile, zlib.error, EOFError, struct.error, OSError) as error:
        raise _unsafe(f"The zip package is damaged: {error}.") from error
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise _unsafe(f"The zip package cannot be opened: {error}.") from error
    if is_zip(document):
        raise _unsafe("The accounts document in the zip package is itself a zip file.")
    return document


def _unsafe(message: str) -> AccountsRefused:
    return AccountsRefused(RefusalCode.ZIP_UNSAFE, message)


def _check_directory(content: bytes) -> None:
    """Raise AccountsRefused if the zip's directory is large: ZipFile makes an object per entry."""
    start = content.rfind(_END_SIGNATURE, max(0, len(content) - _END_BYTES - _MAX_COMMENT))
    if start < 0 or len(content) < start + _END_BYTES:
        raise _unsafe("The zip package has no end record: it is cut short.")
    locator = start - _ZIP64_LOCATOR_BYTES
    if locator >= 0 and content.startswith(_ZIP64_LOCATOR, locator):
        raise _unsafe("The zip package is in the zip64 format, which accounts never need.")
    entries, directory_bytes = struct.unpack_from("<HI", content, start + 10)
    if entries > MAX_MEMBERS or directory_bytes > MAX_DIRECTORY_BYTES:
        raise _unsafe(f"The zip package holds more than {MAX_MEMBERS} members.")


def _accounts_member(members: list[ZipInfo]) -> ZipInfo:
    if len(members) > MAX_MEMBERS:
        raise _unsafe(f"The zip package holds more than {MAX_MEMBERS} members.")
    paths = [_safe_path(member) for member in members]
    if len(set(paths)) != len(paths):
        raise _unsafe("Two members of the zip package have the same name.")
    ranked: dict[int, list[tuple[PurePosixPath, ZipInfo]]] = {}
    for path, member in zip(paths, members, strict=True):
        rank = None if member.is_dir() else _rank(path)
        if rank is not None:
            ranked.setdefault(rank, []).append((path, member))
    if not ranked:
        raise AccountsRefused(
            RefusalCode.ZIP_NO_ACCOUNTS, "The zip package has no accounts document."
        )
    found = ranked[min(ranked)]
    if len(found) > 1:
        folder = found[0][0].parent.name
        raise AccountsRefused(
            RefusalCode.ZIP_AMBIGUOUS,
            f"The zip package has {len(found)} accounts documents under {folder}/.",
        )
    return found[0][1]


def _rank(path: PurePosixPath) -> int | None:
    """Return a rank for how likely a file is the company's own accounts; 0 is the most likely.

    None for other files, including those that macOS and other tools add, such as
    `__MACOSX/._page.xhtml`. Case, blanks and punctuation in the names of folders are ignored.
    """
    parts = [part.strip().casefold() for part in path.parts]
    folders = ["".join(c for c in part if c.isalnum()) for part in parts[:-1]]
    if _FINDER_FOLDER in folders or any(part.startswith(".") for part in parts):
        return None
    if not _OTHER_FILINGS.isdisjoint(folders):
        return None
    if any(_OTHER_COMPANIES.fullmatch(folder) for folder in folders):
        return None
    suffix = path.suffix.lower()
    if suffix not in (*_PAGES, *_INSTANCES):
        return None
    if _SUBSIDIARY_FOLDER in folders:
        place = 0
    elif _ACCOUNTS_FOLDER in folders:
        place = 1
    elif _REPORTS_FOLDER in folders[:2]:
        place = 2
    else:
        return None
    return 2 * place + (suffix in _INSTANCES)


def _safe_path(member: ZipInfo) -> PurePosixPath:
    name = member.orig_filename.replace("\\", "/")
    path = PurePosixPath(name)
    is_unsafe = path.is_absolute() or ".." in path.parts or ":" in name or "\x00" in name
    if is_unsafe:
        raise _unsafe("A member of the zip package has a path that leads outside of the package.")
    if member.flag_bits & _ENCRYPTED:
        raise _unsafe("A member of the zip package is encrypted.")
    return path


def _read(package: ZipFile, member: ZipInfo) -> bytes:
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise _unsafe("The accounts document is compressed by a method that accounts never use.")
    claimed = member.file_size
    if claimed > MAX_BYTES:
        raise AccountsRefused(
            RefusalCode.TOO_LARGE, f"The accounts document is larger than {MAX_BYTES} bytes."
        )
    if claimed > RATIO_FREE_BYTES and claimed > MAX_RATIO * member.compress_size:
        raise _unsafe("The accounts document is compressed more than text can be.")
    with package.open(member) as stream:
        # One byte more than claimed makes zipfile compare the checksum.
        document = stream.read(claimed + 1)
    if len(document) != claimed:
        raise _unsafe("The accounts document has another size than the zip package says.")
    return document
