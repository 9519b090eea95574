"""The waveform of a recording: how loud it is over time, in a few hundred bars.

Read once from the file as it streams by. See docs/decisions/ for why the server does it.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from math import ceil

BARS = 800
# Bytes that are decoded: some 17 minutes of telephone sound, half a second of work. Of a longer
# recording each bar's first moments stand for the bar.
DECODED = 2 * 1024 * 1024
# A decoder loses the first frame or two of what it is given; pieces this long hide it.
LEAST_BLOCK, LEAST_DECODED = 16 * 1024, 4 * 1024
RATE = 8000
EVERY = 4  # of the samples: bars are hundreds of samples wide


@cache
def available() -> bool:
    """Some machines have no wheel: there recordings play without a waveform."""
    return find_spec("miniaudio") is not None


def peaks(chunks: Iterator[bytes], size: int) -> list[float]:
    """Loudness from 0 to 1 in about BARS bars of an audio file of `size` bytes.

    Constant bit rate is assumed, as the platform records: equal bytes are equal times. With
    a variable one the bars stand a little beside their moments. Empty for what is no audio.
    """
    length = max(LEAST_BLOCK, ceil(size / BARS))
    count = max(1, ceil(size / length))
    decoded = max(LEAST_DECODED, DECODED // count)
    bars = max(1, BARS // count)
    loud: list[float] = []
    for block in _blocks(chunks, length):
        loud += _bars(block[:decoded], max(1, bars * len(block) // length))
    most = max(loud, default=0)
    return [round(bar / most, 3) for bar in loud] if most else []


def _blocks(chunks: Iterator[bytes], length: int) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= length:
            yield bytes(waiting[:length])
            del waiting[:length]
    if waiting:
        yield bytes(waiting)


def _bars(piece: bytes, count: int) -> list[float]:
    # Imported here: it takes NumPy along, which only few processes need.
    import miniaudio

    try:
        samples = miniaudio.decode(piece, nchannels=1, sample_rate=RATE).samples
    except miniaudio.MiniaudioError:
        return [0.0] * count
    width = max(1, len(samples) // count)
    return [_mean(samples[bar * width : (bar + 1) * width : EVERY]) for bar in range(count)]


def _mean(samples: "Iterator[int] | list[int]") -> float:
    values = [abs(sample) for sample in samples]
    return sum(values) / len(values) if values else 0.0
