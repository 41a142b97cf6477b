"""Removal of device names from user agents before bot detection."""

import re
from string import ascii_lowercase, ascii_uppercase

_MODEL = re.compile(
    r"\(Linux;[^()]*?Android(?:[ /][\d.]+)?;(?: [a-z]{2}[-_][a-z]{2};)?(?P<model>[^();]*?)"
    r"(?: Build/(?P<build>[^();]*))?(?=[;)])",
    re.IGNORECASE,
)
"""Model and build of Android's agents: free words of the maker, some of which are Bot, Discovery or Newsday."""

_APP_DEVICE = re.compile(
    # Instagram, Threads: Android (33/13; 320dpi; 720x1440; maker; model; board; chip; de_DE; 1)
    r"(?P<android>Android )\(\d+/[\w.]+; ?\d+dpi;[^()]*(?:\([^()]*\)[^()]*)*\)"
    # Facebook, Messenger: FBMF/maker;FBBD/brand;FBDV/model;FBCR/carrier
    r"|FB(?:MF|BD|DV|CR|MD)/[^;\]]*"
    # Snapchat: Snapchat/13.1 (model; Android 13#…; gzip)
    r"|(?P<snapchat>Snapchat/[\w.]+ )\([^();]*(?:\([^()]*\)[^();]*)*;"
    # Keys of apps by ByteDance and others: DeviceModel/CUBOT_X70, device_model=…
    r"|\bdevice_?(?:type|model|brand|name)[/=:][^\s;)&]*",
    re.IGNORECASE,
)
"""The places where the browsers of apps name the device a second time."""

_NAMES = re.compile(
    r"\b(?:CUBOT|FOSSI?BOT|SPIDER 8|(?:VR|ID|POWER|[BCM])[ _]BOT(?:[ _]TAB)?(?=[ _]\d|\b)|XBOT[ _](?:JUNIOR|SENIOR)"
    r"|SCANPAL[ _]EDA\w*|RADAR[ _](?:4G|C110E)|(?<=HTC; )RADAR|ARCHIVE[ _]7P|IROBOT)(?![\w]*[/-]\d)",
    re.IGNORECASE,
)
"""Names of phones, tablets and scanners with a word of bots, by the lists of their makers."""

_MIN_REPEATED_LENGTH = 4

_FOLDED = str.maketrans(ascii_uppercase + "_", ascii_lowercase + " ")
_BESIDE = re.compile(r"[\w-]")
_GOES_ON = re.compile(r"[\w-]|/\d")


def without_device_names(user_agent: str) -> str:
    """The agent without its model, wherever it stands, and without the known names of devices."""
    found = _MODEL.search(user_agent)
    if found:
        user_agent = _without_model(user_agent, found)
    if "FB" in user_agent or "Android (" in user_agent or "napchat" in user_agent or "evice" in user_agent:
        user_agent = _APP_DEVICE.sub(lambda each: each["android"] or each["snapchat"] or "", user_agent)
    return _NAMES.sub("", user_agent)


def _without_model(user_agent: str, found: re.Match[str]) -> str:
    model = found["model"].strip()
    begin, end = found.span("model")
    rest = user_agent[found.end("build") if found["build"] is not None else end :]
    # A product token such as Googlebot/2.1 in the model's place is no model.
    if len(model) >= _MIN_REPEATED_LENGTH and "/" not in model:
        rest = _without_words(rest, model)
    return user_agent[:begin] + rest


def _without_words(text: str, words: str) -> str:
    """The text without some words, in any case, with spaces or underscores, but for what calls itself compatible.

    No pattern is made of the words: the cache of ``re`` would keep them.
    """
    folded, wanted = text.translate(_FOLDED), words.translate(_FOLDED)
    kept, begin, found = [], 0, folded.find(wanted)
    while found >= 0:
        end = found + len(wanted)
        if _stands_alone(folded, found, end):
            kept.append(text[begin:found])
            begin = found = end
        else:
            found += 1
        found = folded.find(wanted, found)
    return "".join([*kept, text[begin:]])


def _stands_alone(folded: str, begin: int, end: int) -> bool:
    if folded.endswith("compatible; ", 0, begin) or (begin and _BESIDE.match(folded, begin - 1)):
        return False
    return _GOES_ON.match(folded, end) is None
