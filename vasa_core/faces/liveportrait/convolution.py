"""Convolutions with fewer multiplications, exact but for rounding.

A correlation of k taps is bilinear, so it can be written output @ ((data @ d) * (kernel @ g)) with three small
constant matrices (Winograd 1980; Lavin and Gray 2016), along each axis of the picture on its own. The products of a
convolution then become one matrix product over the channels per component, and there are fewer of them:

    name          for                                            multiplications per output and axis
    WINOGRAD      3 taps, 4 outputs at a time                    6/4 instead of 3
    REPEATED_2    3 taps on a map repeated 2 times               3/2 instead of 3
    REPEATED_4    the same, 4 times; 3 kinds of output           3/4 instead of 3
    AFTER_4       3 taps on what REPEATED_4 gives                6/4 instead of 3
    FOURIER_7     7 taps, 16 outputs at a time                   32/16 instead of 7

Maps lie channels last in memory: (B, D, H, W, C), where D is 1 for a picture. Taps along D are summed directly. The
work is done in strips, so that buffers stay small; a caller finishes each strip while it is in the cache.

WINOGRAD, AFTER_4 and FOURIER_7 are for float32 on the CPU. In half precision their constants cost too much accuracy,
and a GPU is faster without them: `prepare` then chooses torch's own convolution, which gives one strip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

STRIP = 5 << 20  # numbers in the largest buffer of a strip
NARROW = 256  # columns of a matrix product
MATRIX_UNIT = 32  # channels that a CPU's bfloat16 matrix unit takes at a time


class Algorithm(NamedTuple):
    """Matrices data (m, window), kernel (m, k), output (p, m) in float64; windows are `stride` apart.

    Component 0 must give 1 to every output when it is 1: the bias is added there. `gentle` ones have no constants but
    0 and 1, and are used in every precision. `margin` rows and columns of zeros surround the map.
    """

    data: Tensor
    kernel: Tensor
    output: Tensor
    stride: int
    margin: int = 1
    gentle: bool = False


def winograd(points: tuple[float, ...], taps: int) -> Algorithm:
    """Toom-Cook with these points and infinity: len(points) + 2 - taps outputs at a time. points[0] must be 1."""
    window = len(points) + 1

    def powers(columns: int) -> Tensor:
        rows = [[point**column for column in range(columns)] for point in points]
        return torch.tensor([*rows, [0.0] * (columns - 1) + [1.0]], dtype=torch.float64)

    data = torch.linalg.inv(powers(window)).T
    size = data.abs().amax(1, keepdim=True)
    return Algorithm(data / size, powers(taps) * size, powers(window + 1 - taps).T.contiguous(), window + 1 - taps)


def repeated(kinds: int) -> Algorithm:
    """3 taps on a map of which each value was repeated: the first, a middle (where kinds is 3) and the last output.

    All three see the value itself under the sum of the taps; the first and the last also see by how much the
    neighbour there differs from it.
    """
    data = torch.tensor([[0.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, -1.0, 1.0]], dtype=torch.float64)
    kernel = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    output = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]], dtype=torch.float64)
    return Algorithm(data, kernel, output if kinds == 3 else output[::2].contiguous(), 1, gentle=True)


def fourier(window: int, taps: int) -> Algorithm:
    """The cyclic convolution theorem on `window` (even) values, three real products for each complex one."""
    steps = torch.arange(window, dtype=torch.float64)
    sign = 1.0 - 2.0 * (steps % 2)
    one = torch.ones_like(steps)
    data, kernel, output = [one, sign], [one / window, sign / window], [one, sign]
    for frequency in range(1, window // 2):
        angle = 2.0 * math.pi * frequency * steps / window
        cosine, sine = torch.cos(angle), torch.sin(angle)
        data += [cosine - sine, cosine, -sine]  # real + imaginary, real, imaginary part
        kernel += [v * 2.0 / window for v in (cosine, sine - cosine, sine + cosine)]
        output += [cosine - sine, -sine, -cosine]
    outputs = window + 1 - taps
    matrices = torch.stack(data), torch.stack(kernel)[:, :taps], torch.stack(output, dim=1)[:outputs]
    return Algorithm(*(matrix.contiguous() for matrix in matrices), outputs, taps // 2)


WINOGRAD = winograd((1.0, 0.0, -1.0, 0.5, -2.0), taps=3)
REPEATED_2, REPEATED_4 = repeated(kinds=2), repeated(kinds=3)
_repeat_middle = torch.tensor([0, 1, 2, 2, 3, 4])  # last before, first, middle, middle, last, first after
AFTER_4 = WINOGRAD._replace(data=torch.zeros(6, 5).double().index_add_(1, _repeat_middle, WINOGRAD.data), stride=3)
FOURIER_7 = fourier(22, taps=7)


class Strip(NamedTuple):
    """Outputs (n, D, rows, p, columns, p, O) of these samples and tile rows of the whole: overwritten by the next."""

    samples: slice
    rows: slice
    values: Tensor


class Scratch:
    """Buffers that are used again and again within one call of a network: fresh memory is slow.

    pause: called before each strip of work, a fraction of a second apart; what it raises ends the call.
    """

    def __init__(self, pause: Callable[[], None] | None = None) -> None:
        self.buffers: dict[str, Tensor] = {}
        self.pause = pause or (lambda: None)

    def take(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """A buffer of this shape with any content; the last one of this name is overwritten."""
        size = math.prod(shape)
        if name not in self.buffers or self.buffers[name].numel() < size:
            self.buffers[name] = like.new_empty(size)
        return self.buffers[name][:size].view(shape)


def prepare(weight: Tensor, bias: Tensor | None, algorithm: Algorithm, scratch: Scratch) -> Bilinear | Direct:
    """A convolution ready for use, until the next is prepared with the same scratch.

    weight (O, C, K, k, k), or (O, C, k, k) for K = 1; bias (O,).
    """
    weight = weight[:, :, None] if weight.ndim == 4 else weight
    exact = weight.dtype == torch.float32 and weight.device.type == "cpu"
    return (Bilinear if exact or algorithm.gentle else Direct)(weight, bias, algorithm, scratch)


class Convolution:
    """What Bilinear and Direct share."""

    def __init__(self, weight: Tensor, bias: Tensor | None, algorithm: Algorithm, scratch: Scratch) -> None:
        self.bias, self.algorithm, self.scratch = bias, algorithm, scratch
        self.outputs, self.channels, self.depth_taps = weight.shape[:3]

    def strips(self, x: Tensor) -> Iterator[Strip]:
        """The convolution of x (B, D, H, W, C) with zero padding, strip by strip."""
        raise NotImplementedError

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """The convolution of x (B, D, H, W, C), written into `out` (B, D, H', W', O) where that is given.

        H' is H for WINOGRAD and FOURIER_7, 2 H for REPEATED_2, 3 H for REPEATED_4 (first, middle and last of the
        four), and 4/3 H for AFTER_4.
        """
        p = self.algorithm.output.shape[0]
        out = x.new_empty(self._size(x)) if out is None else out
        tiles = out.unflatten(3, (-1, p)).unflatten(2, (-1, p))
        for strip in self.strips(x):
            tiles[strip.samples, :, strip.rows] = strip.values
        return out

    def room(self, name: str, x: Tensor) -> Tensor:
        """A scratch buffer of this name for the convolution of x."""
        return self.scratch.take(name, x, *self._size(x))

    def _size(self, x: Tensor) -> tuple[int, ...]:
        p = self.algorithm.output.shape[0]
        height, width = (((size - 1) // self.algorithm.stride + 1) * p for size in x.shape[2:4])
        return *x.shape[:2], height, width, self.outputs


class Bilinear(Convolution):
    """The convolution as its algorithm says."""

    def __init__(self, weight: Tensor, bias: Tensor | None, algorithm: Algorithm, scratch: Scratch) -> None:
        super().__init__(weight, bias, algorithm, scratch)
        self.data, self.output = algorithm.data.to(weight), algorithm.output.to(weight)
        taps = weight.permute(2, 0, 1, 3, 4).flatten(3).flatten(0, 2).mT  # (k * k, K * O * C)
        kernel = algorithm.kernel.to(weight)
        spread = scratch.take("weight", weight, len(kernel) ** 2, taps.shape[1])
        torch.mm(torch.kron(kernel, kernel), taps, out=spread)
        self.spread = spread.view(-1, self.depth_taps * self.outputs, self.channels)
        # Narrow products are slow: where the outputs are few, all taps along D are multiplied at once, then added.
        self.at_once = self.depth_taps > 1 and self.outputs * self.depth_taps <= NARROW
        self.deep = 0 if self.at_once else self.depth_taps // 2  # planes of zeros before and behind

    def strips(self, x: Tensor) -> Iterator[Strip]:
        (m, window), p, stride = self.data.shape, self.output.shape[0], self.algorithm.stride
        batch, depth, rows, columns = x.shape[:4]
        rows, columns = (rows - 1) // stride + 1, (columns - 1) // stride + 1
        outputs = self.outputs * self.depth_taps if self.at_once else self.outputs
        row_size = columns * (depth + 2 * self.deep) * m * m * max(self.channels, outputs)
        sample_step = max(1, min(batch, STRIP // (row_size * rows)))
        row_step = -(-rows // max(1, -(-rows * row_size // STRIP)))
        for sample in range(0, batch, sample_step):
            samples = slice(sample, min(sample + sample_step, batch))
            padded = self._padded(x[samples])
            for row in range(0, rows, row_step):
                self.scratch.pause()
                some = slice(row, min(row + row_step, rows))
                windows = _windows(padded, some, window, stride, columns)
                yield Strip(samples, some, self._outputs(windows, depth, p, m))

    def _outputs(self, windows: Tensor, depth: int, p: int, m: int) -> Tensor:
        """windows (w, w, D', n, rows, columns, C) -> (n, D, rows, p, columns, p, O)."""
        shape = windows.shape[3:6]
        plane, count = math.prod(shape), math.prod(windows.shape[2:6])
        take = self.scratch.take
        gathered = take("windows", windows, *windows.shape).copy_(windows)
        tiles = take("tiles", windows, m, m, count * self.channels)
        self._both_axes(self.data, gathered.view(*windows.shape[:2], -1), tiles)
        tiles = tiles.view(m * m, count, self.channels)
        products = self._products(tiles, depth, plane)
        if self.bias is not None:
            products[0] += self.bias
        values = take("values", windows, p, p, depth * plane * self.outputs)
        self._both_axes(self.output, products.view(m, m, -1), values)
        return values.view(p, p, depth, *shape, self.outputs).permute(3, 2, 4, 0, 5, 1, 6)

    def _products(self, tiles: Tensor, depth: int, plane: int) -> Tensor:
        """tiles (m * m, D' * plane, C) times the weights, added up along D: (m * m, D * plane, O)."""
        components, taps, outputs = len(tiles), self.depth_taps, self.outputs
        products = self.scratch.take("products", tiles, components, depth * plane, outputs)
        if self.at_once:
            every = self.scratch.take("every", tiles, components, depth * plane, taps * outputs)
            every = torch.bmm(tiles, self.spread.mT, out=every).view(components, depth, plane, taps, outputs)
            by_depth = products.view(components, depth, plane, outputs).copy_(every[:, :, :, taps // 2])
            for shift in (*range(-(taps // 2), 0), *range(1, taps // 2 + 1)):
                kept, source = max(0, -shift), max(0, shift)  # the first plane written, and read
                count = depth - abs(shift)
                if count > 0:
                    part = every[:, source : source + count, :, taps // 2 + shift]
                    by_depth[:, kept : kept + count] += part
            return products
        weights = self.spread.unflatten(1, (taps, outputs))
        torch.bmm(tiles[:, : depth * plane], weights[:, 0].mT, out=products)
        for tap in range(1, taps):
            products.baddbmm_(tiles[:, tap * plane : (tap + depth) * plane], weights[:, tap].mT)
        return products

    def _both_axes(self, matrix: Tensor, values: Tensor, out: Tensor) -> None:
        """matrix (m, n) along the first two axes of values (n, n, X) into out (m, m, X)."""
        m, n = matrix.shape
        if m * n <= 36:
            torch.mm(torch.kron(matrix, matrix), values.view(n * n, -1), out=out.view(m * m, -1))
        else:
            half = self.scratch.take("half", values, m, n, values.shape[2])
            torch.mm(matrix, values.view(n, -1), out=half.view(m, -1))
            torch.bmm(matrix.expand(m, -1, -1), half, out=out)

    def _padded(self, x: Tensor) -> Tensor:
        margin, deep = self.algorithm.margin, self.deep
        batch, depth, height, width, channels = x.shape
        size = batch, depth + 2 * deep, height + 2 * margin, width + 2 * margin, channels
        padded = self.scratch.take("padded", x, *size)
        for axis, edge in ((1, deep), (2, margin), (3, margin)):
            if edge:
                padded.narrow(axis, 0, edge).zero_()
                padded.narrow(axis, size[axis] - edge, edge).zero_()
        padded[:, deep : deep + depth, margin : margin + height, margin : margin + width] = x
        return padded


class Direct(Convolution):
    """The same by torch's own convolution, as one strip."""

    def __init__(self, weight: Tensor, bias: Tensor | None, algorithm: Algorithm, scratch: Scratch) -> None:
        super().__init__(weight, bias, algorithm, scratch)
        self.weight, self.spare = weight, (0, 0)
        if weight.device.type == "cpu":  # odd widths miss the matrix unit
            self.spare = -self.channels % MATRIX_UNIT, -self.outputs % MATRIX_UNIT
            self.weight = F.pad(weight, (0, 0, 0, 0, 0, 0, 0, self.spare[0], 0, self.spare[1]))
            self.bias = bias if bias is None else F.pad(bias, (0, self.spare[1]))

    def strips(self, x: Tensor) -> Iterator[Strip]:
        self.scratch.pause()
        if self.algorithm is AFTER_4:
            x = x.unflatten(3, (-1, 3)).unflatten(2, (-1, 3))
            x = x[:, :, :, [0, 1, 1, 2]][:, :, :, :, :, [0, 1, 1, 2]].flatten(4, 5).flatten(2, 3)
        x = F.pad(x, (0, self.spare[0]))
        margins = [size // 2 for size in self.weight.shape[2:]]
        if self.depth_taps == 1:
            planes = x.flatten(0, 1).permute(0, 3, 1, 2)
            y = F.conv2d(planes, self.weight[:, :, 0], self.bias, padding=margins[1:])
            y = y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])
        else:
            y = F.conv3d(x.permute(0, 4, 1, 2, 3), self.weight, self.bias, padding=margins).permute(0, 2, 3, 4, 1)
        y = y[..., : self.outputs]
        p = self.algorithm.output.shape[0]
        yield Strip(slice(None), slice(None), y.unflatten(3, (-1, p)).unflatten(2, (-1, p)))


def _windows(padded: Tensor, rows: slice, window: int, stride: int, columns: int) -> Tensor:
    """Overlapping windows (window, window, D, B, rows, columns, C) of (B, D, H, W, C), as a view."""
    padded = padded[:, :, rows.start * stride :]
    batch, depth, _, _, channels = padded.shape
    sample, plane, line, column, _ = padded.stride()
    return padded.as_strided(
        (window, window, depth, batch, rows.stop - rows.start, columns, channels),
        (line, column, plane, sample, stride * line, stride * column, 1),
    )
