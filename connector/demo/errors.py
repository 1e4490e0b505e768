"""The one error the demo raises on purpose. It owns no wording: who raises it says what happened and
what to do about it.
"""


class DemoError(Exception):
    """Something the demo needs is not to be had. ``what`` happened, and what to ``do`` about it, each
    a sentence or more for the person at the terminal.
    """

    def __init__(self, what: str, do: str) -> None:
        super().__init__(f"{what}\n{do}")
        self.what = what
        self.do = do
