"""A Higgs Audio v2 of a million chance weights, and its process with what it needs.

Run as a program by an interpreter with torch and transformers: with one argument it
writes the model to that folder, with two it is ``resources/engines/higgs_process.py``.
The audio tokenizer asks for torchaudio to change rates; at one rate it never does, and
a stand-in that refuses to is enough.
"""

import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

SPECIAL = (
    "<|begin_of_text|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|AUDIO_OUT|>",
    "<|audio_out_bos|>",
    "<|audio_eos|>",
    "<|reserved_special_token_6|>",
)
TEMPLATE = """{{ bos_token }}{% for message in messages -%}
<|start_header_id|>{{ message['role'] }}<|end_header_id|>
{% for part in message['content'] -%}
{% if part['type'] == 'text' %}{{ part['text'] }}{% else -%}
<|audio_out_bos|><|AUDIO_OUT|><|audio_eos|>{% endif %}{% endfor %}<|eot_id|>
{%- endfor %}{% if add_generation_prompt -%}
<|start_header_id|>assistant<|end_header_id|>
<|audio_out_bos|>{% endif %}"""
RATES = [8, 5, 6, 4]


def stand_in(folder: Path) -> None:
    """Make a torchaudio that changes no rate."""
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text("from torchaudio import functional\n")
    (package / "functional.py").write_text(
        "def resample(sound, rate, wanted):\n    assert rate == wanted\n"
        "    return sound\n"
    )
    about = folder / "torchaudio-2.11.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchaudio\nVersion: 2.11.0\n"
    )
    sys.path.insert(0, str(folder))


def tokenizer() -> Any:
    """Return a tokenizer that knows bytes and control words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *SPECIAL]
    vocabulary = {word: number for number, word in enumerate(words)}
    bytes_only = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_only,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        pad_token=SPECIAL[2],
        additional_special_tokens=list(SPECIAL[3:]),
    )


def write(folder: Path) -> None:
    """Write a model whose weights are chance."""
    import torch
    import transformers

    torch.manual_seed(3)
    acoustic = transformers.DacConfig(
        encoder_hidden_size=4,
        downsampling_ratios=RATES,
        upsampling_ratios=RATES,
        decoder_hidden_size=32,
        hidden_size=16,
        n_codebooks=4,
        codebook_dim=4,
        sampling_rate=24_000,
    )
    semantic = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        mask_time_prob=0.0,
    )
    audio = transformers.HiggsAudioV2TokenizerConfig(
        acoustic_model_config=acoustic,
        semantic_model_config=semantic,
        semantic_sample_rate=24_000,
        codebook_dim=8,
        target_bandwidths=[1.0],
    )
    words = tokenizer()
    number = words.convert_tokens_to_ids
    model = transformers.HiggsAudioV2Config(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=8192,
        pad_token_id=number(SPECIAL[2]),
        bos_token_id=number(SPECIAL[0]),
        eos_token_id=number(SPECIAL[1]),
        num_codebooks=audio.num_quantizers,
        codebook_size=1026,
        audio_token_id=number("<|AUDIO_OUT|>"),
        audio_bos_token_id=number("<|audio_out_bos|>"),
        audio_delay_token_id=number("<|reserved_special_token_6|>"),
    )
    transformers.HiggsAudioV2ForConditionalGeneration(model).save_pretrained(folder)
    transformers.HiggsAudioV2TokenizerModel(audio).save_pretrained(
        folder / "audio_tokenizer"
    )
    words.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        stand_in(Path(temporary))
        if len(sys.argv) == 2:
            write(Path(sys.argv[1]))
        else:
            engines = Path(__file__).resolve().parents[2] / "resources" / "engines"
            runpy.run_path(str(engines / "higgs_process.py"), run_name="__main__")
