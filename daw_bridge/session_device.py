"""The rules of choosing an output and an input: one change of each at a time, sound goes on.

Pure. The old output sounds until the new one is open; what is refused changes nothing.
"""

from daw_bridge.errors import Fault
from daw_bridge.output_events import (
    Device,
    DevicesListed,
    InputOpened,
    OutputEvent,
    OutputOpened,
    OutputRefused,
)
from daw_bridge.portaudio import Direction
from daw_bridge.replacing import replace
from daw_bridge.requests import AskDevices, AskInputs, Command, Request, SetValue
from daw_bridge.session_decision import ListDevices, OpenInput, OpenOutput
from daw_bridge.session_state import DeviceJob
from daw_bridge.session_turn import Turn
from generator.api import SAMPLE_RATE_HZ

DEVICE_FIELDS = ("device", "device_buffer_ms", "input")
_SILENT = ("null", "silent clock", 0)


class Devices(Turn):
    """A turn with the rules of choosing an output and an input."""

    def obey_device(self, request: Request, command: Command) -> None:
        """Obey a command about outputs or inputs."""
        match command:
            case SetValue(_, "input", (str(name), str(hostapi))):
                self._open_input(request, name, hostapi)
            case SetValue():
                self._open_output(request, command)
            case AskInputs():
                self.actions.append(ListDevices(self._begin(request), Direction.INPUT))
            case _:
                self.actions.append(ListDevices(self._begin(request)))

    def _open_input(self, request: Request, name: str, hostapi: str) -> None:
        device, is_well = self.state.input, not self.state.input_trouble
        if self._is_changing(("input",)):
            text = "The input is being changed just now: wait for the /done of that, then ask."
            self.fail(request, Fault.NOT_READY, text)
        elif is_well and name == device.name and hostapi in ("", device.hostapi):
            self._input_opened(request)
        else:
            self.actions.append(OpenInput(self._begin(request), name, hostapi))

    def _is_changing(self, fields: tuple[str, ...]) -> bool:
        """Whether a device is being opened for one of some fields."""
        asked = (job.request.command for job in self.state.device_jobs)
        return any(isinstance(one, SetValue) and one.field in fields for one in asked)

    def _open_output(self, request: Request, command: SetValue) -> None:
        device, name, hostapi, frames = self.state.device, "", "", 0
        if isinstance(command.value, tuple):
            name, hostapi = map(str, command.value)
            refusal = _name_refusal(name)
            is_so = name == device.name and hostapi in ("", device.hostapi)
        else:
            frames = round(float(command.value) * SAMPLE_RATE_HZ / 1000.0)
            refusal = _buffer_refusal(device.hostapi)
            is_so = frames == round(device.buffer_ms * SAMPLE_RATE_HZ / 1000.0)
        if refusal:
            self.fail(request, Fault.BAD_VALUE, refusal)
        elif self._is_changing(("device", "device_buffer_ms")):
            text = "The output is being changed just now: wait for the /done of that, then ask."
            self.fail(request, Fault.NOT_READY, text)
        elif is_so:
            self._opened(request)
        else:
            self.actions.append(OpenOutput(self._begin(request), name, hostapi, frames))

    def hear_outputs(self, event: OutputEvent) -> None:
        """Take note of what has become of outputs and of the input."""
        request = self._ended(event.job_id)
        if isinstance(event, OutputOpened):
            self.state = replace(self.state, device=event.device)
        elif isinstance(event, InputOpened):
            self.state = replace(self.state, input=event.device, input_trouble=event.trouble)
        if request is not None:
            self._answer_about(request, event)

    def _answer_about(self, request: Request, event: OutputEvent) -> None:
        match event:
            case OutputOpened():
                self._opened(request)
            case InputOpened():
                self._input_opened(request)
            case OutputRefused(_, text):
                self.fail(request, Fault.NOT_AVAILABLE, text)
            case DevicesListed(_, devices):
                found = [(one.name, one.hostapi, one.channels) for one in devices]
                if isinstance(request.command, AskInputs):
                    self._tell_list(request, found, self.state.input)
                else:
                    self._tell_list(request, [*found, _SILENT], self.state.device)

    def _tell_list(
        self, request: Request, found: list[tuple[str, str, int]], device: Device
    ) -> None:
        current = (device.name, device.hostapi)
        for name, hostapi, channels in found:
            mark = "T" if (name, hostapi) == current else "F"
            row = (("s", name), ("s", hostapi), ("i", channels), (mark, mark == "T"))
            self.reply(request, row)
        self.done(request, ("i", len(found)))

    def _opened(self, request: Request) -> None:
        device = self.state.device
        times = (("f", device.buffer_ms), ("f", device.latency_ms))
        self.done(request, ("s", device.name), ("s", device.hostapi), *times)

    def _input_opened(self, request: Request) -> None:
        device = self.state.input
        self.done(request, ("s", device.name), ("s", device.hostapi), ("f", device.latency_ms))

    def _begin(self, request: Request) -> int:
        job = DeviceJob(self.new_id(), request)
        self.state = replace(self.state, device_jobs=(*self.state.device_jobs, job))
        return job.job_id

    def _ended(self, job_id: int) -> Request | None:
        jobs = self.state.device_jobs
        left = tuple(job for job in jobs if job.job_id != job_id)
        self.state = replace(self.state, device_jobs=left)
        return next((job.request for job in jobs if job.job_id == job_id), None)


def is_of_devices(command: Command) -> bool:
    """Whether a command changes the output or the input, or asks what there is."""
    if isinstance(command, SetValue):
        return not command.slot and command.field in DEVICE_FIELDS
    return isinstance(command, AskDevices | AskInputs)


def _name_refusal(name: str) -> str:
    if not name:
        return 'Name an output: one of /device/list, "default", or "null" for silence.'
    if name.lower().endswith(".wav"):
        return (
            "A file can be the output only from the start (--output FILE.wav). To keep what is "
            "heard now, send /rec/start."
        )
    return ""


def _buffer_refusal(hostapi: str) -> str:
    if hostapi == "file":
        return "A file is written at its own pace; another length of blocks would change nothing."
    if "JACK" in hostapi:
        return (
            "JACK has one length of blocks for all its programs: set it there, such as by "
            "jack_bufsize 128."
        )
    return ""
