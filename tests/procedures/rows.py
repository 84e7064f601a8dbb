"""The rows: what the four procedures say (S = SpaceCore, B = StackBill, H = HOSTKEY, Q = Binance/qPilot)."""

COUNTS = {"S": 19, "B": 13, "H": 23, "Q": 18}
ROWS = tuple(f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1))


class Ledger:
    """Which rows were fulfilled; each is printed once."""

    def __init__(self, say=print):
        self.fulfilled, self._say = {}, say

    def row(self, id_, words, held=True):
        """A row is fulfilled, when what was looked at `held`. Raises `AssertionError`."""
        assert id_ in ROWS, id_
        if not held:
            raise AssertionError(f"{id_} is not fulfilled: {words}")
        if id_ not in self.fulfilled:
            self.fulfilled[id_] = words
            self._say(f"  {id_:<4} {words}")

    @property
    def missing(self):
        return [each for each in ROWS if each not in self.fulfilled]
