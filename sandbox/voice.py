"""Speech that never was: MP3 frames of any length, computed rather than stored.

A handful of clips with syllables, pauses and two voices is encoded once. All clips of a kind
have the same number of bytes, so a recording is a row of clips chosen by its seed, and any byte
of a three-hour file is found by arithmetic.
"""

import math
import random
import sys
from array import array
from collections.abc import Iterator
from functools import cache

import lameenc

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 576  # MPEG-2 layer III
KBIT = {1: 16, 2: 32}  # by channels; these rates need no padding: all frames are equal
FRAME_BYTES = {channels: 72_000 * kbit // SAMPLE_RATE for channels, kbit in KBIT.items()}
CLIP_FRAMES = 100
CLIP_SECONDS = CLIP_FRAMES * FRAME_SAMPLES / SAMPLE_RATE
VARIANTS = 6
PITCHES = (112.0, 196.0)  # Hz, of the two who talk

# First three formants in Hz of a few vowels.
VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
    (440, 1020, 2240),
)
CYCLE = 256  # samples of a vowel's wave table


def frames(duration: int) -> int:
    """MP3 frames that hold so many seconds."""
    return max(1, math.ceil(duration * SAMPLE_RATE / FRAME_SAMPLES))


def file_size(duration: int, channels: int = 1) -> int:
    """Bytes of a recording of `duration` seconds."""
    return frames(duration) * FRAME_BYTES[channels]


def speaker(seed: int, second: float) -> int:
    """Who talks at that second of the recording: 0 or 1."""
    return _speaker(seed, int(second // CLIP_SECONDS))


def turns(seed: int, duration: int) -> Iterator[tuple[int, int]]:
    """Second and speaker of each turn of the talk."""
    previous = None
    for clip in range(math.ceil(duration / CLIP_SECONDS)):
        current = _speaker(seed, clip)
        if current != previous:
            yield int(clip * CLIP_SECONDS), current
        previous = current


def read(seed: int, channels: int, start: int, stop: int) -> Iterator[bytes]:
    """The bytes from `start` to before `stop` of an endless recording, clip by clip."""
    size = CLIP_FRAMES * FRAME_BYTES[channels]
    position = start
    while position < stop:
        index, offset = divmod(position, size)
        variant = _mix(seed, index, 1) % VARIANTS
        piece = _clip(channels, _speaker(seed, index), variant)[offset : offset + stop - position]
        yield piece
        position += len(piece)


def _speaker(seed: int, index: int) -> int:
    turn_clips = 1 + _mix(seed, 0, 2) % 3
    return (index // turn_clips + seed) % 2


def _mix(seed: int, index: int, salt: int) -> int:
    """A number that looks random and is always the same for the same three."""
    value = (seed * 0x9E3779B1 + index * 0x85EBCA77 + salt * 0xC2B2AE3D) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    return value ^ (value >> 12)


@cache
def _clip(channels: int, who: int, variant: int) -> bytes:
    """One clip: a voice alone in mono; in stereo each voice has a side, the other one breathes."""
    voice = _talk(who, variant)
    if channels == 1:
        return _encode(voice, 1)
    silence = array("h", bytes(2 * len(voice)))
    left, right = (voice, silence) if who == 0 else (silence, voice)
    both = array("h", bytes(4 * len(voice)))
    both[0::2], both[1::2] = left, right
    return _encode(both, 2)


def _encode(samples: array[int], channels: int) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_out_sample_rate(SAMPLE_RATE)
    encoder.set_channels(channels)
    encoder.set_bit_rate(KBIT[channels])
    encoder.set_quality(5)
    if sys.byteorder == "big":
        samples.byteswap()
    encoded = bytes(encoder.encode(samples.tobytes())) + bytes(encoder.flush())
    # The first frame of a stream needs nothing from before it, and what lies in the cut-off
    # tail is silence: clips can follow one another in any order.
    return encoded[: CLIP_FRAMES * FRAME_BYTES[channels]]


def _talk(who: int, variant: int) -> array[int]:
    """Syllables in words in phrases, with the pauses of someone who thinks."""
    chance = random.Random(who * 100 + variant)  # noqa: S311 - sound, not secrets
    samples = array("h", bytes(2 * CLIP_FRAMES * FRAME_SAMPLES))
    position = int(SAMPLE_RATE * chance.uniform(0.1, 0.4))
    end = len(samples) - SAMPLE_RATE // 3
    while position < end:
        for _ in range(chance.randint(2, 5)):
            length = int(SAMPLE_RATE * chance.uniform(0.09, 0.24))
            if position + length > end:
                return samples
            position = _say(samples, position, length, PITCHES[who], chance)
        position += int(SAMPLE_RATE * chance.choice((0.05, 0.08, 0.12, 0.35)))
    return samples


def _say(
    samples: array[int], position: int, length: int, pitch: float, chance: random.Random
) -> int:
    """One syllable: a hiss, then a vowel that swells and dies; where the next one begins."""
    hiss = int(SAMPLE_RATE * chance.uniform(0.01, 0.05))
    loudness = chance.uniform(0.45, 1.0)
    for n in range(position, position + hiss):
        samples[n] = int(chance.gauss(0, 700) * loudness)
    table = _vowel(chance.randrange(len(VOWELS)), round(pitch))
    step = CYCLE * pitch * chance.uniform(0.9, 1.15) / SAMPLE_RATE
    glide = 1 + chance.uniform(-0.15, 0.08) / length
    phase = 0.0
    for n in range(length):
        envelope = math.sin(math.pi * n / length) ** 0.6 * loudness
        samples[position + n] += int(table[int(phase) % CYCLE] * envelope)
        phase += step
        step *= glide
    return position + length + int(SAMPLE_RATE * 0.015)


@cache
def _vowel(index: int, pitch: int) -> tuple[float, ...]:
    """One period of a vowel: harmonics of the pitch, loud near the formants."""
    harmonics = [
        (k, sum(math.exp(-(((k * pitch - formant) / 130) ** 2)) / (1 + f) + 0.02
                for f, formant in enumerate(VOWELS[index])) / math.sqrt(k))
        for k in range(1, 3600 // pitch)
    ]  # fmt: skip
    wave = [
        sum(weight * math.sin(2 * math.pi * k * n / CYCLE) for k, weight in harmonics)
        for n in range(CYCLE)
    ]
    peak = max(map(abs, wave))
    return tuple(11_000 * sample / peak for sample in wave)
