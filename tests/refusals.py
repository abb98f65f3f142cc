"""What is refused, and what can be stopped."""

import pytest

from engine.core.errors import BlindspotError, Cancelled


def assert_refused(words, act, *arguments, error=BlindspotError, **options):
    """The act is refused with a sentence that has the words, which are a pattern."""
    with pytest.raises(error, match=words):
        act(*arguments, **options)


def reports_until_stopped(act, count=1, about=""):
    """Reports, (share, words), of an act that takes a listener, which stops it at so many."""
    reports = []

    def stop(done, words="", partial=None):
        if about in words:
            reports.append((done, words))
        if len(reports) == count:
            raise Cancelled

    with pytest.raises(Cancelled):
        act(stop)
    return reports
