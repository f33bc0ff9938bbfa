"""Filters for the templates of pages; every template has them without loading them."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def breakable(address: str) -> SafeString:
    """The address, which a narrow window may break after its @ and before its dots and nowhere else."""
    first, *others = re.split(r"(?<=@)|(?=\.)", address)
    return format_html("{}{}", first, format_html_join("", "<wbr>{}", ((each,) for each in others)))
