"""Tests of the folder deploy/: the image, the services of compose.yaml and the systemd units."""
