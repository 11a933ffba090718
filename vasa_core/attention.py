"""Scaled dot-product attention: xformers where it is installed and the tensors are on CUDA, else torch's own."""

import torch.nn.functional as F
from torch import Tensor

try:
    from xformers.ops import memory_efficient_attention
except ImportError:
    memory_efficient_attention = None

ROUND = 16  # torch's CPU kernel takes up to twice the time for a number of keys that is no multiple of this


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q, k, v: (B, heads, N, head_width) -> (B, heads, N, head_width). Scale 1 / sqrt(head_width)."""
    if memory_efficient_attention is not None and q.is_cuda:
        return memory_efficient_attention(*(t.transpose(1, 2) for t in (q, k, v))).transpose(1, 2)
    keys = k.shape[2]
    lacking = -keys % ROUND
    if lacking and not q.is_cuda:  # further keys that nobody sees
        k, v = (F.pad(t, (0, 0, 0, lacking)) for t in (k, v))
        unseen = q.new_zeros(q.shape[2], keys + lacking)
        unseen[:, keys:] = float("-inf")
        return F.scaled_dot_product_attention(q, k, v, attn_mask=unseen)
    return F.scaled_dot_product_attention(q, k, v)
