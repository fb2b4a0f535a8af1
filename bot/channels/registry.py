"""Which kinds of channel there are, and which accounts of them this installation has."""

from __future__ import annotations

import logging

from bot.channels.base import Channel
from bot.channels.dingtalk import DingTalk
from bot.channels.feishu import Feishu
from bot.channels.line import Line
from bot.channels.mail import Email
from bot.channels.messenger import Instagram, Messenger
from bot.channels.sms import Sms
from bot.channels.telegram import Telegram
from bot.channels.webhook import Webhook
from bot.channels.wechat import WeChat
from bot.channels.wecom import WeCom
from bot.channels.wecom_kf import WeComService
from bot.channels.whatsapp import WhatsApp
from bot.errors import SettingError
from bot.settings import ChannelSettings, Settings

KINDS: dict[str, type[Channel]] = {
    "webhook": Webhook,
    "wechat": WeChat,
    "telegram": Telegram,
    "whatsapp": WhatsApp,
    "line": Line,
    "feishu": Feishu,
    "dingtalk": DingTalk,
    "wecom": WeCom,
    "wecom_kf": WeComService,
    "messenger": Messenger,
    "instagram": Instagram,
    "email": Email,
    "sms": Sms,
}

log = logging.getLogger(__name__)


def open_channels(settings: Settings) -> dict[str, Channel]:
    """Return the channels that have all their settings, by name. One without its secrets does not exist: it never runs unverified.

    Raises SettingError for an unknown kind and for a setting that makes no sense.
    """
    channels = {}
    for account in settings.channels:
        if lacking := missing(account):
            log.warning("channel %s is off: it needs %s", account.name, ", ".join(lacking))
            continue
        channels[account.name] = kind_of(account)(account)
    return channels


def kind_of(account: ChannelSettings) -> type[Channel]:
    if account.kind not in KINDS:
        raise SettingError(f"YINGDA_CHANNELS holds a channel of kind {account.kind[:40]!r}; allowed are {', '.join(KINDS)}")
    return KINDS[account.kind]


def missing(account: ChannelSettings) -> list[str]:
    """Return the names of the settings that this account still needs."""
    return [account.setting(name) for name in kind_of(account).required if not account.get(name)]
