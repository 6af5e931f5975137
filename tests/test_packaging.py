"""What the package asks of pip, which must be able to read it on every machine."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_no_requirement_depends_on_the_release_of_the_system() -> None:
    # Kernels of Linux have releases that are no versions ("6.8.0-45-generic"): the pip of Python
    # 3.13 (24.2) then ends with an error, whatever else the marker says.
    project = tomllib.loads(PROJECT.read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [one for some in lists for one in some]
    assert wanted
    assert [one for one in wanted if "platform_release" in one or "platform_version" in one] == []
