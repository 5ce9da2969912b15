"""The forms of signing in and of passwords."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField
from wtforms.validators import DataRequired, Length

from saas.accounts.passwords import LONGEST, SHORTEST
from saas.core.forms import AddressField, LineField, clean


class NewPasswordField(PasswordField):
    def __init__(self, label: str = "Password", **options: Any) -> None:
        rules = [
            DataRequired("Choose a password."),
            clean,
            Length(
                SHORTEST,
                LONGEST,
                f"Use {SHORTEST} to {LONGEST} characters; a few words make a good password.",
            ),
        ]
        super().__init__(label, rules, **options)


class SignInForm(FlaskForm):
    email = AddressField()
    password = PasswordField(
        "Password",
        [DataRequired("Fill in your password."), Length(max=LONGEST, message=f"Use at most {LONGEST} characters.")],
    )
    next = HiddenField()


class NameForm(FlaskForm):
    name = LineField("Name", longest=200)


class ForgotForm(FlaskForm):
    email = AddressField()


class ResetForm(FlaskForm):
    password = NewPasswordField("New password")
