"""The operators' commands, which `manage.py` combines into one program."""
