"""Deterministic synthetic weights and images for the golden cases (numpy only).

Everything is derived from names and integer seeds by the raw 64-bit output of
PCG64, whose stream numpy guarantees, so weights are the same bit for bit on
every platform. Images use cosines, hence agree to about 1e-6.
"""

import zlib

import numpy as np

# Gain over the He standard deviation sqrt(2 / fan_in) and salt of the seed, for
# the last layers, by (name, fan_in): chosen so that the most salient windows of
# the golden images lie in the breast without near ties, and so that
# probabilities are well inside (0, 1) and differ from case to case.
LAST = {
    ("left_postprocess_net.gn_conv_last.weight", 256): (2.0, "#960"),
    ("left_postprocess_net.gn_conv_last.weight", 512): (0.5, "#393"),
    ("mil_attn_V.weight", 512): (1.0, ""),
    ("mil_attn_U.weight", 512): (1.0, ""),
    ("mil_attn_w.weight", 128): (12.0, ""),
    ("classifier_linear.weight", 512): (3.0, "#833"),
    ("fusion_dnn.weight", 768): (3.0, "#810"),
    ("fusion_dnn.weight", 1024): (1.0, "#318"),
    ("classifier.weight", 1024): (4.0, "#320"),
    ("output_layer_cc.fc_layer.weight", 512): (3.0, "#2281"),
    ("output_layer_mlo.fc_layer.weight", 512): (3.0, "#2057"),
    ("output_layer_lcc.fc_layer.weight", 256): (3.0, "#2085"),
    ("output_layer_rcc.fc_layer.weight", 256): (3.0, "#49"),
    ("output_layer_lmlo.fc_layer.weight", 256): (3.0, "#58"),
    ("output_layer_rmlo.fc_layer.weight", 256): (3.0, "#2172"),
}
DENSENET_GAIN = 1.0  # other layers whose name starts with "features."
OTHER_GAIN = 0.7  # all others with a fan-in: keeps residual networks from growing
ALIASES = (
    ("four_view_resnet.l_cc.", "four_view_resnet.cc."),
    ("four_view_resnet.r_cc.", "four_view_resnet.cc."),
    ("four_view_resnet.l_mlo.", "four_view_resnet.mlo."),
    ("four_view_resnet.r_mlo.", "four_view_resnet.mlo."),
)


def uniform(seed, n):
    """n float64 in [0, 1) from the raw stream of PCG64(seed)."""
    raw = np.random.PCG64(seed).random_raw(int(n))
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def canonical(name):
    """Shared columns occur under several names in published state dicts; they hold the same tensor."""
    for alias, target in ALIASES:
        if name.startswith(alias):
            return target + name[len(alias) :]
    return name


def fill(name, shape):
    """The tensor called `name` in a published state dict: float32 (num_batches_tracked: int64 zero)."""
    name, shape = canonical(name), tuple(int(s) for s in shape)
    last = name.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    n = int(np.prod(shape, dtype=np.int64))
    fan_in = n // shape[0] if shape else 1
    default = DENSENET_GAIN if name.startswith("features.") else OTHER_GAIN
    gain, salt = LAST.get((name, fan_in), (default, ""))
    u = uniform(zlib.crc32((name + salt).encode()), n).reshape(shape)
    s = 2.0 * u - 1.0  # uniform on [-1, 1)
    if last == "running_var":
        out = 1.0 + 0.5 * s
    elif last in ("running_mean", "bias"):
        out = 0.1 * s
    elif len(shape) == 1:  # weight of a batch normalisation
        out = 1.0 + 0.2 * s
    else:  # convolution or linear layer
        out = s * (gain * np.sqrt(3.0) * np.sqrt(2.0 / fan_in))
    return out.astype(np.float32)


def _cosines(seed, height, width, terms, low, high):
    u = uniform(seed, 5 * terms).reshape(terms, 5)
    y = (np.arange(height) / height)[:, None]
    x = (np.arange(width) / height)[None, :]
    out = np.zeros((height, width))
    for a, b, c, d, _ in u:
        f, t = low + (high - low) * a, 2 * np.pi * b
        out += (0.5 + d) * np.cos(2 * np.pi * f * (np.cos(t) * y + np.sin(t) * x) + 2 * np.pi * c)
    return out / np.sqrt(terms)


def breast(seed, height, width):
    """Boolean half ellipse against the left edge; its half axes and centre depend on the seed."""
    a, b, c = uniform(seed * 1000 + 5, 3)
    y = ((np.arange(height)[:, None] + 0.5) / height - 0.42 - 0.16 * c) * 2
    x = (np.arange(width)[None, :] + 0.5) / width
    return (y / (0.6 + 0.25 * a)) ** 2 + (x / (0.55 + 0.35 * b)) ** 2 < 1


def raw_image(seed, height, width):
    """float64, zero outside the half ellipse, positive inside: waves, noise and 2 to 6 bright blobs."""
    smooth = _cosines(seed * 1000 + 1, height, width, 8, 0.5, 6.0)
    fine = _cosines(seed * 1000 + 2, height, width, 8, 20.0, 60.0)
    noise = 2 * uniform(seed * 1000 + 3, height * width).reshape(height, width) - 1
    u = uniform(seed * 1000 + 6, 33)
    level = 2.0 + 3.0 * u[30]
    out = level + (0.5 + u[31]) * smooth + (0.2 + 0.6 * u[32]) * fine + 0.5 * noise
    y, x = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    for a, b, c, d, _ in u[:30].reshape(6, 5)[: 2 + seed % 5]:
        r2 = ((y - 0.2 - 0.6 * a) ** 2 + ((x - 0.05 - 0.5 * b) * width / height) ** 2) / (0.015 + 0.05 * c) ** 2
        out = out + (3.0 + 6.0 * d) * np.exp(-r2 / 2)
    return np.where(breast(seed, height, width), np.maximum(out, 0.05), 0.0)


def image(seed, height, width):
    """raw_image standardised over all its pixels: minus mean, over max(sd, 1e-5); float32."""
    x = raw_image(seed, height, width)
    x = x - x.mean()
    return (x / max(x.std(), 1e-5)).astype(np.float32)


def heatmap(seed, kind, height, width):
    """Map in [0, 1] of image(seed, ...), zero outside its half ellipse; kind 0 benign, 1 malignant.

    float32, smooth, not standardised.
    """
    x = 1.0 / (1.0 + np.exp(-3.0 * (_cosines(seed * 1000 + 7 + kind, height, width, 6, 1.0, 5.0) - 0.5)))
    return np.where(breast(seed, height, width), x, 0.0).astype(np.float32)
