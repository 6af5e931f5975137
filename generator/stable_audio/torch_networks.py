"""The networks of an imported model on torch, stage by stage, on the processor or a GPU."""

import torch

from generator.api import FloatArray, IntArray
from generator.stable_audio.model import StableAudioModel


class TorchNetworks:
    """The networks of an imported model.

    Args:
        model: The filled model.
        device: Where to run, as torch names it; bfloat16 anywhere but on the processor, where it
            would be slow and round more.
    """

    hears = True

    def __init__(self, model: StableAudioModel, *, device: str) -> None:
        self._device = torch.device(device)
        self._dtype = torch.float32 if self._device.type == "cpu" else torch.bfloat16
        self.model = model.to(self._device, self._dtype)

    def encode(self, ids: IntArray) -> FloatArray:
        """Return the states of one text.

        Shapes:
            ids: [pieces]  ->  [pieces, text_width]
        """
        with torch.inference_mode():
            numbers = torch.from_numpy(ids)[None].to(self._device)
            mask = torch.ones(numbers.shape, device=self._device)
            return _to_numpy(self.model.text(numbers, mask)[0])

    def velocity(self, x: FloatArray, t: float, text: FloatArray, seconds: float) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]; text: [1, text_tokens, text_width]  ->  the shape of x
        """
        with torch.inference_mode():
            # Time and seconds stay in single precision: their features turn fast.
            times, lengths = (torch.tensor([value], device=self._device) for value in (t, seconds))
            v = self.model.velocity(self._to_torch(x), times, self._to_torch(text), lengths)
            return _to_numpy(v)

    def decode(self, latents: FloatArray) -> FloatArray:
        """Return the sound of clean latents.

        Shapes:
            latents: [1, channels, n]  ->  [n * hop_frames, 2]
        """
        with torch.inference_mode():
            return _to_numpy(self.model.decoder(self._to_torch(latents))[0].T)

    def hear(self, audio: FloatArray) -> FloatArray:
        """Return the latents of a sound.

        Shapes:
            audio: [n * hop_frames, 2]  ->  [1, channels, n]
        """
        with torch.inference_mode():
            return _to_numpy(self.model.encoder(self._to_torch(audio.T[None].copy())))

    def _to_torch(self, value: FloatArray) -> torch.Tensor:
        return torch.from_numpy(value).to(self._device, self._dtype)


def _to_numpy(value: torch.Tensor) -> FloatArray:
    array: FloatArray = value.float().cpu().contiguous().numpy()
    return array
