"""A mail's HTML as text, in time and memory that its length bounds.

Inscriptis lays pages out: by style sheets, widths of table columns and depths of lists a page of 2 kB becomes gigabytes of blanks. So it is
given nothing to lay out: no attributes, and neither tables nor lists.
"""

from __future__ import annotations

import lxml.etree
import lxml.html
from inscriptis.html_engine import Inscriptis

from bot.channels.mail_quotes import without_quotes

# Mail programs' marks of what is quoted: Gmail, Apple and others, Yahoo, NetEase, Outlook, Feishu.
_QUOTED = (
    "//blockquote|//style|//script|//head|//*[contains(@class,'gmail_quote') or contains(@class,'yahoo_quoted') or "
    "contains(@class,'ntes-mailmaster-quote') or contains(@class,'lark-mail-quote') or @id='isReplyContent' or @id='divRplyFwdMsg']"
)
_LINES = frozenset({"table", "tbody", "thead", "tfoot", "tr", "ul", "ol", "menu", "dir", "li", "dl", "dt", "dd"})
_CELLS = frozenset({"td", "th"})
_VERBATIM = frozenset({"pre", "xmp", "listing", "plaintext"})


def html_text(page: str, *, longest: int) -> str:
    """Return the page's text without what its program marks as quoted, or all of it; `longest`: characters of either."""
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True)
    everything = ""
    try:
        tree = lxml.html.document_fromstring(page.encode("utf8", "replace"), parser=parser)
        all_quoted = tree.xpath(_QUOTED)
        _flatten(tree)
        everything = Inscriptis(tree).get_text()[:longest]
        for quoted in all_quoted:
            quoted.drop_tree()
        new = Inscriptis(tree).get_text()[:longest]
    except (lxml.etree.LxmlError, ValueError):  # no page at all, or characters that no page may hold
        new = ""
    return without_quotes(new) or without_quotes(everything)


def _flatten(tree: lxml.html.HtmlElement) -> None:
    """Leave of the page what text has: words, lines, and blanks between the cells of a table."""
    for element in tree.iter(lxml.etree.Element):
        element.attrib.clear()
        if element.tag in _LINES or element.tag in _VERBATIM:
            element.tag = "div"
        elif element.tag in _CELLS:
            element.tag = "span"
            element.tail = f" {element.tail or ''}"
