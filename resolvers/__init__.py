"""What each root field does: one module a topic, a short function a field."""
