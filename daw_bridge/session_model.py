"""The rules of changing the model: the newest wish wins, and each is answered once.

Pure. The old model plays on until the new one has been verified and is warm; a model that is
refused changes nothing and is not remembered.
"""

from daw_bridge.errors import Fault
from daw_bridge.generator_events import GeneratorReady, ModelLoaded, ModelRefused
from daw_bridge.replacing import replace
from daw_bridge.requests import CancelModel, LoadModel, ModelCommand, Request
from daw_bridge.session_decision import LeaveModel, TryModel
from daw_bridge.session_state import ModelJob
from daw_bridge.session_turn import Turn

ModelEvent = GeneratorReady | ModelLoaded | ModelRefused


class Modelling(Turn):
    """A turn with the rules of changing the model."""

    def obey_model(self, request: Request, command: ModelCommand) -> None:
        """Obey a command about the model."""
        match command:
            case LoadModel(name) if not name.strip():
                text = "Name a model: one of /model/list, or the folder of a checkpoint."
                self.fail(request, Fault.BAD_VALUE, text)
            case LoadModel(name):
                self._end_model_job(Fault.SUPERSEDED, f"The model {name!r} was asked for instead.")
                job = ModelJob(self.new_id(), request)
                self.state = replace(self.state, model_job=job)
                self.actions.append(TryModel(job.job_id, name))
            case CancelModel():
                self._end_model_job(Fault.CANCELLED, "Loading this model was cancelled.")
                self.done_if_numbered(request)

    def hear_model(self, event: ModelEvent) -> None:
        """Take note of which model plays, or will not."""
        match event:
            case GeneratorReady(model):
                self.state = replace(self.state, model=model)
            case ModelLoaded(job_id, _, model, load_ms):
                self.state = replace(self.state, model=model)
                request = self._ended_model_job(job_id)
                if request is not None:
                    self.done(request, ("s", model), ("f", load_ms))
            case ModelRefused(job_id, text):
                request = self._ended_model_job(job_id)
                if request is not None:
                    self.fail(request, Fault.BAD_VALUE, text)

    def _end_model_job(self, fault: Fault, text: str) -> None:
        job = self.state.model_job
        if job is not None:
            self.state = replace(self.state, model_job=None)
            self.actions.append(LeaveModel(job.job_id))
            self.fail(job.request, fault, text)

    def _ended_model_job(self, job_id: int) -> Request | None:
        job = self.state.model_job
        if job is None or job.job_id != job_id:
            return None
        self.state = replace(self.state, model_job=None)
        return job.request
