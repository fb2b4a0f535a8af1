"""`yingda shop`."""

from __future__ import annotations

import asyncio
import secrets

import click

from bot.cli.settings import settings_here
from bot.errors import InputError
from bot.settings import Settings
from bot.shop.contract import Finding, check_contract
from bot.shop.remote import RemoteShop


@click.group("shop", short_help="Check a company's own shop system against the protocol.")
def command() -> None:
    """Check a company's own shop system against the protocol (bot/shop/openapi.yaml, docs/shop.md)."""


@command.command("check")
@click.option("--customer", required=True, help="The shop's number of a customer to test with, as in the JWT's `sub`.")
@click.option("--order", required=True, help="The number of an order of that customer.")
@click.option("--phone-last4", required=True, help="The last four digits of the phone on that order.")
@click.option("--changes", is_flag=True, help="Also issue an invoice for that order, twice with the same key.")
def check(customer: str, order: str, phone_last4: str, changes: bool) -> None:
    """Call the system at SHOP_URL and say of each rule of the protocol whether it is kept. Exit code 1 when one is not."""
    settings = settings_here()
    if not settings.shop_url:
        raise InputError("SHOP_URL is not set; set it and SHOP_SECRET to the system that is to be checked")
    findings = asyncio.run(_check(settings, customer, order, phone_last4, changes=changes))
    for finding in findings:
        mark = click.style("ok    ", fg="green") if finding.kept else click.style("BROKEN", fg="red")
        click.echo(f"{mark}  {finding.rule}: {finding.detail}")
    broken = sum(not finding.kept for finding in findings)
    click.echo(f"{len(findings) - broken} of {len(findings)} rules are kept.")
    raise SystemExit(1 if broken else 0)


async def _check(settings: Settings, customer: str, order: str, phone_last4: str, *, changes: bool) -> list[Finding]:
    shop = RemoteShop(settings.shop_url, settings.shop_secret)
    stranger = RemoteShop(settings.shop_url, secrets.token_hex())
    try:
        return await check_contract(
            shop, customer_id=customer, order_number=order, phone_last4=phone_last4, stranger=stranger, changes=changes
        )
    finally:
        await shop.close()
        await stranger.close()
