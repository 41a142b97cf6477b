"""From a request to an ``Event`` or a ``Dropped``: the door."""
