"""A model of Kokoro with chance for weights, in the shape of the real one.

Run by Kokoro's own interpreter: ``python kokoro_model.py FOLDER FRAMES``. The size
cannot be made smaller: the decoder's is fixed in the code. Left to chance, each phoneme
would last ten times too long; its head is set so that each takes FRAMES of 25 ms, near
3 in speech. What is said is noise, of a length to be believed, by the real code.
"""

import json
import math
import sys
import warnings
from pathlib import Path

PHONEMES = (
    ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyz'
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)
CONFIG = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12],
        "upsample_rates": [10, 6],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64,
    "dropout": 0.2,
    "hidden_dim": 512,
    "max_conv_dim": 512,
    "max_dur": 50,
    "multispeaker": True,
    "n_layer": 3,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 2048,
        "max_position_embeddings": 512,
        "num_hidden_layers": 12,
        "dropout": 0.1,
    },
    "vocab": {phoneme: number + 1 for number, phoneme in enumerate(PHONEMES)},
}
VOICES = ("af_heart", "am_adam", "bf_emma", "bm_george", "ff_siwis", "jf_alpha")


def main(target: str, frames: str) -> None:
    """Write configuration, weights and voices."""
    import torch

    warnings.simplefilter("ignore")
    from kokoro.model import KModel

    folder = Path(target)
    (folder / "voices").mkdir(parents=True)
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    weights = folder / "model.pth"
    torch.save({}, weights)  # nothing in it: all is left as it was made, by chance
    torch.manual_seed(0)
    model = KModel(repo_id="test", config=str(config), model=str(weights))
    share = float(frames) / CONFIG["max_dur"]
    head = model.predictor.duration_proj.linear_layer
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(math.log(share / (1 - share)))
    parts = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")
    torch.save({part: getattr(model, part).state_dict() for part in parts}, weights)
    for name in VOICES:
        torch.save(torch.randn(510, 1, 256) * 0.1, folder / "voices" / f"{name}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
