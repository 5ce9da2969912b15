"""Mails to people."""

from saas.core.mail.models import Mail, MailState
from saas.core.mail.service import send

__all__ = ["Mail", "MailState", "send"]
