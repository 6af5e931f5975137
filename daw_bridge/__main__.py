"""The command line: run the daemon, make a take without it, list devices, find out what is wrong.

It reads the arguments and speaks to the user; it does not know how anything works.
Flow: the shell → here → settings.py → daemon.py, offline.py or doctor.py.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from daw_bridge import __version__
from daw_bridge.daemon import run_daemon
from daw_bridge.doctor import device_lines, findings
from daw_bridge.errors import DawBridgeError
from daw_bridge.offline import generate_files, one_job, read_batch
from daw_bridge.settings import Settings, load_settings, print_settings
from generator.errors import GeneratorError

_RUN_OPTIONS = ("output", "input", "osc_port", "http_port", "host", "state_dir", "model")


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey the command line.

    Args:
        arguments: Words after the program's name; those of the process if not given.

    Returns:
        The exit status: 0 for success, 1 for a fault that was told.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = _settings(options)
        if options.print_settings:
            print(print_settings(settings))
            return 0
        if options.command is None:
            _parser().print_help()
            return 2
        return _COMMANDS[options.command](options, settings)
    except (DawBridgeError, GeneratorError) as error:
        print(f"daw-bridge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _settings(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, name, None) for name in _RUN_OPTIONS}
    return load_settings(given, options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="daw-bridge", description="Prompts over OSC become 44.1 kHz stereo sound."
    )
    parser.add_argument("--version", action="version", version=f"daw-bridge {__version__}")
    parser.add_argument("--print-settings", action="store_true", help="show what holds, as TOML")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a settings file in TOML")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run the daemon"))
    _add_generate(commands.add_parser("generate", help="make a take, or many, without the daemon"))
    commands.add_parser("devices", help="list the outputs")
    commands.add_parser("doctor", help="tell what works here, and what to do about the rest")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("--output", metavar="DEVICE|null|FILE.wav", help="where the sound goes")
    run.add_argument("--input", metavar="DEVICE", help="what is listened to, default for any")
    run.add_argument("--osc-port", type=int, metavar="N", help="UDP and TCP port of OSC")
    run.add_argument("--http-port", type=int, metavar="N", help="port of OSCQuery")
    run.add_argument("--host", metavar="ADDR", help="address to listen on")
    run.add_argument("--state-dir", type=Path, metavar="DIR", help="what is kept between runs")
    run.add_argument("--model", metavar="NAME|PATH", help="which checkpoint")
    # The defaults of these two would hide what stands before the word "run".
    run.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    run.add_argument("--print-settings", action="store_true", default=argparse.SUPPRESS)


def _add_generate(generate: argparse.ArgumentParser) -> None:
    generate.add_argument("prompt", nargs="?", metavar="PROMPT", help="the words for the sound")
    generate.add_argument("-o", "--output-file", type=Path, metavar="FILE.wav")
    generate.add_argument("--seconds", type=float, metavar="S")
    generate.add_argument("--seed", type=int, metavar="N")
    generate.add_argument("--steps", type=int, metavar="N")
    generate.add_argument("--bpm", type=float, metavar="B")
    generate.add_argument("--bars", type=int, metavar="N")
    generate.add_argument("--key", metavar="K")
    generate.add_argument("--init", type=Path, metavar="FILE", help="a sound that it begins from")
    generate.add_argument("--strength", type=float, metavar="0-1", help="how much stays of that")
    generate.add_argument("--model", metavar="NAME|PATH", help="which checkpoint")
    generate.add_argument("--batch", type=Path, metavar="FILE.jsonl", help="a request a line")


def _run(options: argparse.Namespace, settings: Settings) -> int:
    del options
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run_daemon(settings, _say))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _generate(options: argparse.Namespace, settings: Settings) -> int:
    names = ("prompt", "seconds", "seed", "steps", "bpm", "bars", "key", "init", "strength")
    given = {"output": options.output_file, **{n: getattr(options, n) for n in names}}
    if options.batch is None:
        jobs = [one_job(given)]
    elif any(value is not None for value in given.values()):
        raise DawBridgeError("--batch takes everything from its file; leave the other words out.")
    else:
        jobs = read_batch(options.batch)
    threads, device = settings.generator_threads, settings.torch_device
    for line in generate_files(jobs, settings.model, threads=threads, device=device):
        _say(line)
    return 0


def _devices(options: argparse.Namespace, settings: Settings) -> int:
    del options, settings
    for line in device_lines():
        _say(line)
    return 0


def _doctor(options: argparse.Namespace, settings: Settings) -> int:
    del options
    found = list(findings(settings))
    for finding in found:
        _say(f"{'ok     ' if finding.works else 'MISSING'} {finding.what}")
        if finding.advice:
            _say(f"        {finding.advice}")
    return 0 if all(finding.works for finding in found) else 1


_COMMANDS = {"run": _run, "generate": _generate, "devices": _devices, "doctor": _doctor}


if __name__ == "__main__":
    sys.exit(main())
