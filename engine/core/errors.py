"""What can go wrong, worded for the person at the page: what was wrong, which value, what to do."""


class BlindspotError(Exception):
    """Something the person can understand and mend; its text is shown as it stands."""


class BadImage(BlindspotError):
    """A file that is not an image we can read."""


class BadModel(BlindspotError):
    """Weights, an architecture or labels that do not fit together or cannot be had."""


class BadData(BlindspotError):
    """A data set, or a file of one, that cannot be used."""


class BadSetting(BlindspotError, ValueError):
    """A setting outside its range."""


class DoesNotFit(BlindspotError):
    """A method that cannot be asked about this case, with the reason."""


class TooBusy(BlindspotError):
    """The queue is full."""


class Cancelled(BlindspotError):
    """The person no longer wants the answer."""
