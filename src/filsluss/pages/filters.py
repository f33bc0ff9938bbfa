"""Filters for the templates of pages; every template has them without loading them."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from filsluss.rules.addresses import masked_text

register = template.Library()


@register.filter
def breakable(address: str) -> SafeString:
    """The address, which a narrow window may break after its @ and before its dots and nowhere else."""
    first, *others = re.split(r"(?<=@)|(?=\.)", address)
    return format_html("{}{}", first, format_html_join("", "<wbr>{}", ((each,) for each in others)))


@register.filter
def shown(text: object, mask: bool) -> str:
    """The text, with its addresses masked if `mask`: for a role that may not read them."""
    return masked_text(str(text)) if mask else str(text)
