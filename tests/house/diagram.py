"""Draws the state diagram of README from the action table: python -m tests.house.diagram"""

from collections import defaultdict

from connector.domain.model import State
from connector.domain.transitions import CALC, TRANSITIONS


def diagram() -> str:
    """A Mermaid state diagram; an action that leaves the state as it is, is left out."""
    arrows: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (before, action), after in TRANSITIONS.items():
        if after != CALC and after != before:
            arrows[before, State(after)].append(action)
    lines = [
        f"    {_name(before)} --> {_name(after)}: {', '.join(sorted(actions))}"
        for (before, after), actions in sorted(arrows.items())
    ]
    return "\n".join(["stateDiagram-v2", *lines])


def _name(state: State) -> str:
    return "[*]" if state is State.ABSENT else str(state)


if __name__ == "__main__":
    print(diagram())
