"""What a customer wrote in a mail, without the mails that it answers: quoted text and signatures of mail programs cut off.

Line by line and in linear time, since anybody may send us anything: the regular expressions of mail-parser-reply take 39 s for 24 kB of
"On On On …", and know neither QQ Mail's nor NetEase's separators.
"""

from __future__ import annotations

import regex

LONGEST_LINE = 300  # of one that introduces a quotation; longer ones are read up to here

# "-----Original Message-----", "------------------ 原始邮件 ------------------", "---------- Forwarded message ---------", Outlook's rule.
_RULE = regex.compile(
    r"[-_]{2,60} ?(?:Original(?: Message)?|Forwarded message|Replied Message|(?:回复的)?原始?[邮郵]件|转发的?邮件) ?[-_]{2,60}|_{20,80}",
    regex.IGNORECASE,
)
# "On Fri, 20 Nov 2026 at 10:00, Shop <a@b.example> wrote:", "在 2026年11月20日，客服 <a@b.example> 写道：",
# "张三 <a@b.example> 于2026年11月20日周五 10:00写道："
_WROTE = regex.compile(r"(?:On\b.*\bwrote\s?:|.*(?:写道|寫道)\s?[:：])", regex.IGNORECASE)
_DATED = regex.compile(r"\d{1,4}\s?[-/年.:,]|@")
_FROM = regex.compile(r"[*\s]*(?:From|发件人|寄件者|寄件人)\s?[*]*\s?[:：]", regex.IGNORECASE)
_OTHER_HEADER = regex.compile(
    r"[*\s]*(?:Sent|Date|To|Cc|Subject|发送时间|发送日期|发件日期|日期|时间|收件人|抄送|主题|寄件日期|收件者|主旨)\s?[*]*\s?[:：]",
    regex.IGNORECASE,
)
_MARKS = " \t*>\ufeff\u200b"
_SENT_FROM = regex.compile(
    r"Sent from (?:my|Outlook|Mail|Yahoo)\b.*|Get Outlook for .*|发自.{0,12}(?:我的|邮箱).*|从我的.{1,20}发送|来自我的.*|获取 ?Outlook.*",
    regex.IGNORECASE,
)


def without_quotes(text: str) -> str:
    """Return what is new in the text; all of it when nothing would be left, as of a mail that is only passed on."""
    lines = text.replace("\r\n", "\n").split("\n")
    kept: list[str] = []
    for index, line in enumerate(lines):
        if _begins_quote(lines, index) or line.rstrip() == "--":
            break
        if not line.lstrip().startswith((">", "＞")):
            kept.append(line.rstrip())
    return _without_last_word(kept) or text.strip()


def _begins_quote(lines: list[str], index: int) -> bool:
    """Does everything from this line on belong to the mail that is answered? The introduction may be wrapped over three lines."""
    line = lines[index].strip(_MARKS)[:LONGEST_LINE]
    if not line:
        return False
    if _RULE.fullmatch(line):
        return True
    if _FROM.match(line):
        return any(_OTHER_HEADER.match(other[:LONGEST_LINE]) for other in lines[index + 1 : index + 5])
    joined = ""
    for wrapped in lines[index : index + 3]:
        if not wrapped.strip():
            return False
        joined = f"{joined} {wrapped.strip(_MARKS)}".strip()[:LONGEST_LINE]
        if _WROTE.fullmatch(joined):
            return _DATED.search(joined) is not None
    return False


def _without_last_word(lines: list[str]) -> str:
    """Drop the telephone's own last line."""
    text = "\n".join(lines).strip()
    head, _, last = text.rpartition("\n")
    return head.strip() if _SENT_FROM.fullmatch(last.strip()[:LONGEST_LINE]) else text
