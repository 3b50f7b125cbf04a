"""`report.html`: a finished run as one page to send to somebody else; it computes nothing."""

from headstart.report.page.write import FILE, PRIVATE, write

__all__ = ["FILE", "PRIVATE", "write"]
