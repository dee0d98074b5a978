"""Commands for operators, which `manage.py` puts together."""
