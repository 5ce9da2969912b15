"""What can go wrong on a laptop, said in one sentence."""


class DevstackError(Exception):
    """Its text is shown to the person as it is: what is wrong and what to do."""


class PortBusyError(DevstackError):
    """Another process listens on the port."""
