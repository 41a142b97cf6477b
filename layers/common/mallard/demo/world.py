"""Visitors of the demo's site: browsers with their systems, screens, places, languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """A kind of device with one system, the browsers that run on it and its widths in px, the frequent first.

    Browsers are (weight, name, versions, the frequent first). ``weight`` is the share of all visitors.
    """

    weight: float
    device_type: str
    os: str
    os_version: str | None
    widths: tuple[int, ...]
    browsers: tuple[tuple[float, str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Country:
    """A country: its share of visitors, its languages as (weight, tag) and its cities as (weight, region, city)."""

    weight: float
    code: str | None
    languages: tuple[tuple[float, str], ...]
    cities: tuple[tuple[float, str | None, str | None], ...]


_CHROME = ("141.0", "140.0", "139.0", "138.0")
_EDGE = ("141.0", "140.0", "139.0")
_FIREFOX = ("143.0", "142.0", "140.0", "128.0")
_OPERA = ("122.0", "121.0")
_OPERA_MOBILE = ("91.0", "90.0")
_SAFARI_MAC = ("18.6", "26.0", "18.5", "17.6")
_SAMSUNG = ("28.0", "27.0")

_PHONE_IOS = (390, 393, 430, 375, 414)
_PHONE_ANDROID = (412, 384, 360, 393, 432)
_TABLET_IOS = (820, 810, 834, 768)


def _ios(weight: float, device_type: str, version: str, widths: tuple[int, ...]) -> Machine:
    """An iOS device type: its Safari always has the system's version."""
    browsers = (
        (82, "Mobile Safari", (version,)),
        (15, "Chrome Mobile iOS", _CHROME),
        (3, "Firefox iOS", _FIREFOX[:3]),
    )
    return Machine(weight, device_type, "iOS", version, widths, browsers)


# Names and versions as in user agents: Windows is always 10, macOS 10.15, Chrome on Android 10.
# Widths match the classes of ingest: below 768 is mobile, below 1024 tablet, else desktop.
MACHINES: tuple[Machine, ...] = (
    Machine(
        31.0, "desktop", "Windows", "10", (1920, 1536, 2560, 1366, 1440, 1280),
        ((62, "Chrome", _CHROME), (21, "Edge", _EDGE), (14, "Firefox", _FIREFOX), (3, "Opera", _OPERA)),
    ),
    Machine(
        19.0, "desktop", "Mac OS X", "10.15", (1440, 1512, 1728, 1680, 1920, 2560),
        ((48, "Chrome", _CHROME), (36, "Safari", _SAFARI_MAC), (13, "Firefox", _FIREFOX), (3, "Edge", _EDGE)),
    ),
    Machine(6.0, "desktop", "Linux", None, (1920, 2560, 1680), ((56, "Chrome", _CHROME), (44, "Firefox", _FIREFOX))),
    Machine(2.0, "desktop", "Ubuntu", None, (1920, 2560, 1366), ((1, "Firefox", _FIREFOX),)),
    Machine(1.0, "desktop", "Chrome OS", "14541.0", (1366, 1920), ((1, "Chrome", _CHROME),)),
    _ios(10.5, "mobile", "18.6", _PHONE_IOS),
    _ios(4.5, "mobile", "26.0", _PHONE_IOS),
    _ios(2.5, "mobile", "18.5", _PHONE_IOS),
    _ios(1.0, "mobile", "17.5", _PHONE_IOS),
    _ios(1.8, "tablet", "18.6", _TABLET_IOS),
    _ios(0.6, "tablet", "17.7", _TABLET_IOS),
    Machine(
        17.5, "mobile", "Android", "10", _PHONE_ANDROID,
        ((84, "Chrome Mobile", _CHROME), (14, "Samsung Internet", _SAMSUNG), (2, "Opera Mobile", _OPERA_MOBILE)),
    ),
    Machine(1.0, "mobile", "Android", "15", _PHONE_ANDROID, ((1, "Firefox Mobile", _FIREFOX[:3]),)),
    Machine(0.5, "mobile", "Android", "14", _PHONE_ANDROID, ((1, "Firefox Mobile", _FIREFOX[:3]),)),
    Machine(1.1, "tablet", "Android", "10", (800, 962, 768), ((1, "Chrome", _CHROME),)),
)  # fmt: skip

_ENGLISH_US = ((92.0, "en-US"), (5.0, "es-US"), (3.0, "zh-CN"))

COUNTRIES: tuple[Country, ...] = (
    Country(
        31.0, "US", _ENGLISH_US,
        (
            (16, "California", "San Francisco"), (12, "California", "Los Angeles"), (16, "New York", "New York"),
            (9, "Washington", "Seattle"), (9, "Texas", "Austin"), (6, "Texas", "Dallas"), (8, "Illinois", "Chicago"),
            (7, "Massachusetts", "Boston"), (5, "Colorado", "Denver"), (5, "Virginia", "Ashburn"),
            (4, "Oregon", "Portland"), (3, None, None),
        ),
    ),
    Country(
        15.0, "DE", ((78, "de"), (8, "de-DE"), (14, "en-US")),
        (
            (26, "Berlin", "Berlin"), (20, "Bavaria", "Munich"), (16, "Hamburg", "Hamburg"),
            (13, "Hesse", "Frankfurt am Main"), (10, "North Rhine-Westphalia", "Cologne"),
            (7, "Baden-Württemberg", "Stuttgart"), (8, "Saxony", "Leipzig"),
        ),
    ),
    Country(
        9.5, "GB", ((90, "en-GB"), (10, "en-US")),
        (
            (60, "England", "London"), (16, "England", "Manchester"), (14, "Scotland", "Edinburgh"),
            (10, "Wales", "Cardiff"),
        ),
    ),
    Country(
        6.0, "FR", ((70, "fr-FR"), (18, "fr"), (12, "en-US")),
        ((62, "Île-de-France", "Paris"), (22, "Auvergne-Rhône-Alpes", "Lyon"), (16, "Occitania", "Toulouse")),
    ),
    Country(
        6.0, "IN", ((72, "en-US"), (20, "en-IN"), (8, "hi-IN")),
        ((44, "Karnataka", "Bengaluru"), (28, "Maharashtra", "Mumbai"), (28, "Delhi", "New Delhi")),
    ),
    Country(
        4.6, "CA", ((58, "en-CA"), (26, "en-US"), (16, "fr-CA")),
        ((52, "Ontario", "Toronto"), (24, "British Columbia", "Vancouver"), (24, "Quebec", "Montreal")),
    ),
    Country(
        4.4, "NL", ((58, "nl"), (42, "en-US")),
        ((62, "North Holland", "Amsterdam"), (38, "South Holland", "Rotterdam")),
    ),
    Country(
        3.2, "AU", ((84, "en-AU"), (16, "en-US")),
        ((56, "New South Wales", "Sydney"), (44, "Victoria", "Melbourne")),
    ),
    Country(3.0, "ES", ((82, "es-ES"), (18, "en-US")), ((58, "Madrid", "Madrid"), (42, "Catalonia", "Barcelona"))),
    Country(2.8, "IT", ((84, "it-IT"), (16, "en-US")), ((54, "Lombardy", "Milan"), (46, "Lazio", "Rome"))),
    Country(2.8, "BR", ((92, "pt-BR"), (8, "en-US")), ((70, "São Paulo", "São Paulo"), (30, "Paraná", "Curitiba"))),
    Country(
        2.4, "CH", ((62, "de-CH"), (24, "fr-CH"), (14, "en-US")),
        ((66, "Zurich", "Zürich"), (34, "Geneva", "Geneva")),
    ),
    Country(
        2.4, "SE", ((66, "sv-SE"), (34, "en-US")),
        ((72, "Stockholm County", "Stockholm"), (28, "Skåne County", "Malmö")),
    ),
    Country(2.2, "JP", ((94, "ja"), (6, "en-US")), ((76, "Tokyo", "Tokyo"), (24, "Osaka", "Osaka"))),
    Country(2.0, "PL", ((80, "pl-PL"), (20, "en-US")), ((64, "Mazovia", "Warsaw"), (36, "Lesser Poland", "Kraków"))),
    Country(1.4, "AT", ((88, "de-AT"), (12, "en-US")), ((100, "Vienna", "Vienna"),)),
    Country(1.3, None, ((90, "en-US"), (10, "de")), ((1, None, None),)),
)  # fmt: skip

EURO_COUNTRIES = frozenset({"DE", "FR", "NL", "ES", "IT", "AT"})
"""Buyers here pay in EUR, all others in USD."""
