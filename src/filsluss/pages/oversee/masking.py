"""How addresses are shown to a role that may not read them."""

from django import template

from filsluss.rules.addresses import masked_text

register = template.Library()


@register.filter
def shown(text: object, mask: bool) -> str:
    """The text, with its addresses masked if `mask`."""
    return masked_text(str(text)) if mask else str(text)
