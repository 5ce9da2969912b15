"""The form that makes an API key."""

from flask_wtf import FlaskForm

from saas.core.forms import LineField


class KeyForm(FlaskForm):
    label = LineField("Label", longest=80)
