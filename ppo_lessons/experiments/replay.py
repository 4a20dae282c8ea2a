"""Runs that are shown more than once: trained the first time, played again from then on."""


def replay(finished, key, train):
    """The rows of a run, one after the other: remembered ones, or new ones, which are remembered once the run is whole.

    Args:
        finished: dict, key -> rows of the runs that came to their end.
        key: of this run.
        train: () -> iterator of rows.
    """
    if key in finished:
        yield from finished[key]
        return
    rows = []
    for row in train():
        rows.append(row)
        yield row
    finished[key] = rows
