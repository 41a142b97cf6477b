"""People with addresses and agents that come up nowhere else, and a search for them in whatever a server leaves."""

import hashlib
import json
import shutil
import sqlite3
import string
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
TOKEN_LENGTH = 20
BEGINNING = 6
"""Bytes: no form is shorter."""

HASH_BITS = 20

CHANCE = 0.05
"""The four bytes of an IPv4 address come up by chance in some megabytes of random ids; not those of one in twenty."""


@dataclass(frozen=True)
class Person:
    """Whoever sends: ``token`` is a slice of the agent that no other agent has."""

    address: IPv4Address | IPv6Address
    agent: str
    token: str

    @cached_property
    def words(self) -> dict[str, bytes]:
        """Forms that are text, in small letters."""
        address, packed = self.address, self.address.packed
        forms = {
            "address": str(address),
            "address, exploded": address.exploded,
            "address as a number": str(int(address)),
            "address as hexadecimal": packed.hex(),
            "address for DNS": address.reverse_pointer,
            "agent": self.agent,
            "slice of the agent": self.token,
        }
        for name in ("md5", "sha1", "sha256"):
            for what, value in (("address", str(address)), ("agent", self.agent)):
                forms[f"{name} of the {what}"] = hashlib.new(name, value.encode()).hexdigest()
        return {form: text.lower().encode("utf-8", "surrogateescape") for form, text in forms.items()}

    @cached_property
    def bytes_(self) -> dict[str, bytes]:
        """Forms that are bytes; those of IPv4 alone are too short to say anything."""
        packed = self.address.packed
        mapped = packed if len(packed) == 16 else b"\xff\xff" + packed
        return {
            "address, packed": mapped,
            "address, packed, little end first": packed[::-1] if len(packed) == 16 else packed[::-1] + b"\xff\xff",
            "sha256 of the address, packed": hashlib.sha256(str(self.address).encode()).digest()[:8],
        }


def people(count: int, seed: int) -> list[Person]:
    """Every third on IPv6."""
    random = Random(seed)
    found = []
    for number in range(count):
        token = "".join(random.choices(string.ascii_letters, k=TOKEN_LENGTH))
        octets = ".".join(str(random.randint(11, 219)) for _ in range(4))
        groups = ":".join(f"{random.getrandbits(16):x}" for _ in range(3))
        address = ip_address(f"2001:db8::{number + 1:x}:{groups}" if number % 3 == 0 else octets)
        found.append(Person(address, f"{FIREFOX} {token}", token))
    return found


def traces(places: Mapping[str, bytes], persons: Iterable[Person]) -> list[str]:
    """Where something of somebody stands: ``place: form``, sorted."""
    persons = list(persons)
    words = [(form, word) for person in persons for form, word in person.words.items()]
    bytes_ = [(form, word) for person in persons for form, word in person.bytes_.items()]
    assert min(len(word) for _, word in (*words, *bytes_)) >= BEGINNING
    word_beginnings, byte_beginnings = (_numbers([word for _, word in each], BEGINNING) for each in (words, bytes_))
    found: set[str] = set()
    for place, data in places.items():
        lowered = data.lower()
        for text, forms, beginnings in ((lowered, words, word_beginnings), (data, bytes_, byte_beginnings)):
            # Most begin nowhere in it: only what does is looked for.
            some = [forms[at] for at in np.flatnonzero(_occur(beginnings, _windows(text, BEGINNING)))]
            found |= {f"{place}: {form}" for form, word in some if word in text}
        if _holds_packed(data, persons):
            found.add(f"{place}: addresses, packed")
    return sorted(found)


def _windows(data: bytes, length: int) -> npt.NDArray[np.uint64]:
    """The bytes from each place on, as numbers."""
    each = np.frombuffer(data, np.uint8).astype(np.uint64)
    count = max(0, len(each) - length + 1)
    total = np.zeros(count, np.uint64)
    for at in range(length):
        total = total << np.uint64(8) | each[at : at + count]
    return total


def _numbers(forms: list[bytes], length: int) -> npt.NDArray[np.uint64]:
    """The first bytes of each form, as numbers."""
    return np.array([int.from_bytes(form[:length], "big") for form in forms], np.uint64)


def _occur(numbers: npt.NDArray[np.uint64], windows: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """For each number, if it is among the windows. A table of hashes leaves few of them to sort."""
    known = np.zeros(1 << HASH_BITS, np.bool_)
    known[_hashes(numbers)] = True
    return np.isin(numbers, windows[known[_hashes(windows)]])


def _hashes(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The upper bits of a product, which overflows."""
    return numbers * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - HASH_BITS)


def _holds_packed(data: bytes, persons: list[Person]) -> bool:
    packed = [person.address.packed for person in persons if person.address.version == 4]
    windows = _windows(data, 4)
    return any(
        int(_occur(_numbers(forms, 4), windows).sum()) > max(1, CHANCE * len(packed))
        for forms in (packed, [each[::-1] for each in packed])
    )


def places_below(folder: Path) -> dict[str, bytes]:
    """Every file by its path: its name and its bytes, and what a Parquet or SQLite file holds when it is decoded."""
    found: dict[str, bytes] = {}
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        name = str(file.relative_to(folder))
        found[name] = name.encode() + b"\n" + file.read_bytes()
        if file.suffix == ".parquet":
            found[f"{name}, decoded"] = decoded_parquet(file)
        if file.suffix == ".sqlite":
            found[f"{name}, decoded"] = b"\n".join(_decoded_sqlite(file))
    return found


def decoded_parquet(file: Path) -> bytes:
    """Every value of every column, and the footer's own words."""
    table = pq.ParquetFile(file).read()
    columns = [f"{value}" for column in table.columns for value in column.to_pylist()]
    return "\n".join([str(table.schema.metadata), *table.column_names, *columns]).encode()


def _decoded_sqlite(file: Path) -> Iterator[bytes]:
    """All rows of all tables of a copy, its log included."""
    with tempfile.TemporaryDirectory() as copy:
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, copy)
        connection = sqlite3.connect(Path(copy) / file.name)
        try:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
        finally:
            connection.close()


def as_bytes(value: object) -> bytes:
    """Whatever an answer or a message is, as text that is searched."""
    return json.dumps(value, default=str, ensure_ascii=False).encode("utf-8", "surrogateescape")
