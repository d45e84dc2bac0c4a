"""Roles as processes, over real parts."""
