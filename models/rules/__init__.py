"""Business rules as pure functions, without I/O: from values and a time they compute a decision.

Modules marked PURE import only the standard library and other pure modules.
"""
