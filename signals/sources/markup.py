"""Markup from feeds and pages into plain text, and their clocks into instants or dates."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from signals.sources.encodings import detect_encoding

BLOCKS = ("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section")
SILENT = ("script", "style", "noscript", "template", "iframe", "svg")
CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.I)
DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
SPACED_ZONE = re.compile(r"(\d)\s+([+-]\d{2}:?\d{2}|Z)$")
NAMED_ZONE = re.compile(r":\d\d(?:[.,]\d+)?\s*(?P<name>[^\s\d:.,].*?)\s*$")
OFFSET_ZONE = re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d{1,2}?):?(?P<minutes>\d\d)?", re.I)
ZONES = {
    "HKT": 8, "SGT": 8, "MYT": 8, "AWST": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
    "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
}  # fmt: skip
"""Hours east of UTC of zone names that mail's standard lacks and that mean one thing only."""
SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
# What writers of pages call it, and the codec that reads all they put there.
WIDER_CODECS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}


def plain_text(markup: str) -> str:
    r"""Return the text of a piece of HTML: entities resolved, scripts left out, a line a block.

    Examples
    --------
    >>> plain_text("<p>Q&amp;A&nbsp;day</p><script>alert(1)</script><p>Net &lt; 5</p>")
    'Q&A day\nNet < 5'
    """
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    from lxml import etree, html  # heavy; only markup needs it

    try:
        tree = html.document_fromstring(f"<div>{DECLARATION.sub('', markup)}</div>")
    except (etree.LxmlError, ValueError):
        return ""
    etree.strip_elements(tree, *SILENT, etree.Comment, with_tail=False)
    for node in tree.iter(*BLOCKS):
        node.tail = "\n" + (node.tail or "")
        node.text = ("" if node.tag == "br" else "\n") + (node.text or "")
    lines = (SPACES.sub(" ", line).strip() for line in str(tree.text_content()).splitlines())
    return "\n".join(line for line in lines if line)


def decode_page(data: bytes, declared: str) -> str:
    """Return a page as text: by its byte order mark, its own charset, else the declared one.

    Raises
    ------
    UnicodeDecodeError
        If the bytes do not fit it.
    """
    named = CHARSET.search(data[:4096])
    name = named[1].decode("ascii").lower() if named else declared
    if data.startswith(b"\xef\xbb\xbf"):
        name = "utf-8-sig"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16"
    elif name == "detect":
        name = detect_encoding(data)
    try:
        return data.decode(WIDER_CODECS.get(name, name))
    except LookupError:  # a charset that nobody knows
        return data.decode("utf-8")


def web_clock(text: str) -> datetime | date | str:
    """Return a feed's or page's clock: RFC 2822 as datetime or date, all else as it stands.

    A zone is never dropped: one that goes by a name nobody wrote down here leaves the text as it
    stands, which is no time, rather than a time to which another zone could be declared.

    Examples
    --------
    >>> web_clock("Fri, 12 Sep 2025 09:30:00 +0800").isoformat()
    '2025-09-12T09:30:00+08:00'
    >>> web_clock("Fri, 12 Sep 2025 09:30:00 HKT").isoformat()
    '2025-09-12T09:30:00+08:00'
    >>> web_clock("Fri, 12 Sep 2025 09:30:00 Mars")
    'Fri, 12 Sep 2025 09:30:00 Mars'
    >>> web_clock("12 Sep 2025")
    datetime.date(2025, 9, 12)
    >>> web_clock("2025-09-12 09:30:00 +0800")
    '2025-09-12 09:30:00+0800'
    """
    text = text.strip()
    if not any(letter.isalpha() for letter in text.replace("T", "").replace("Z", "")):
        return SPACED_ZONE.sub(r"\1\2", text)
    has_time = ":" in text
    try:
        instant = parsedate_to_datetime(text if has_time else f"{text} 00:00:00")
    except (ValueError, TypeError, IndexError, OverflowError):
        return text
    if not has_time:
        return instant.date()
    return instant if instant.tzinfo is not None else _in_named_zone(instant, text)


def _in_named_zone(instant: datetime, text: str) -> datetime | str:
    """Return a time in the zone that its text names in words; the text where nobody knows it."""
    stated = NAMED_ZONE.search(text)
    if stated is None:
        return instant
    if stated["name"].upper() in ZONES:
        return instant.replace(tzinfo=timezone(timedelta(hours=ZONES[stated["name"].upper()])))
    offset = OFFSET_ZONE.fullmatch(stated["name"])
    if offset is None:
        return text
    span = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    try:
        return instant.replace(tzinfo=timezone(-span if offset["sign"] == "-" else span))
    except ValueError:  # a day or more
        return text
