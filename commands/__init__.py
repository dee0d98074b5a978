"""What an operator runs, beside what manage.py itself holds."""
