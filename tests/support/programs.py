"""Programs for tests, played by shell scripts. It owns how one is put down, not what any says."""

from pathlib import Path


def program(path: Path, script: str) -> Path:
    """Write an executable script to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path
