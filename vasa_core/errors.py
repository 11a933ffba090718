"""Every error that a user can cause: what happened, and what to do about it, in one sentence each."""


class VasaError(Exception):
    """Base of all errors of this package. The message names the input and the cure."""


class BadInput(VasaError):
    """A picture, sound, motion or option that cannot be used as it is."""


class NoFaceFound(BadInput):
    """A picture, or too many frames of a video, without a usable face."""


class BadAudio(BadInput):
    """Audio that is missing, empty, too short, or not finite."""


class WrongSpace(VasaError):
    """A motion or checkpoint of one motion space given to a model of another."""


class WeightsError(VasaError):
    """A weights file that is missing, truncated, of the wrong hash, or of the wrong architecture."""


class OutputError(VasaError):
    """An output file that cannot be written: no space, no permission, no such folder."""


class MissingPackage(VasaError):
    """An optional package that is not installed."""


class DownloadError(VasaError):
    """A file that could not be downloaded: no network, no such file, a login needed, the wrong hash."""
